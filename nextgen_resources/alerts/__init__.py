"""What the platform tells other systems: a durable outbox and the signed webhooks that empty it."""
