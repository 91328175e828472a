"""What people start and what starts by itself: jobs, schedules, sensors."""
