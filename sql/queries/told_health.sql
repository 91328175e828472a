-- Failing components of the newest session assessed, from $first on.
SELECT session_date, component, message, last_success
FROM system_health
WHERE status = 'fail' AND session_date >= $first AND session_date = (SELECT max(session_date) FROM system_health)
ORDER BY component
