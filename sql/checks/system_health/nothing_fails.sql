-- warning: no component of the platform is failing
SELECT component, session_date, message FROM system_health WHERE session_date BETWEEN $first AND $last AND status = 'fail'
