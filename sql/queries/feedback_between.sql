-- Feedback of sessions between two days.
SELECT * EXCLUDE (run_id) FROM feedback_metrics WHERE session_date BETWEEN $first AND $last
ORDER BY session_date, scope, metric
