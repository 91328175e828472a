-- What drifted at sessions between two days: the clearest of each kind.
SELECT session_date, kind, arg_min(name, (q_value, name)) AS name, min(q_value) AS q_value, min(window_start) AS window_start,
       count(*)::INTEGER AS n_drifting
FROM drift_metrics WHERE is_drift AND session_date BETWEEN $first AND $last
GROUP BY session_date, kind ORDER BY session_date, kind
