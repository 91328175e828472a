-- warning: no component of the platform is failing on the newest session of the run
SELECT component, session_date, message FROM system_health
WHERE session_date = (SELECT max(session_date) FROM system_health WHERE session_date BETWEEN $first AND $last)
  AND status = 'fail'
