-- Feature vectors of the sessions between two days that predictions were made of.
SELECT w.session_date, w."values"
FROM feature_windows w
SEMI JOIN (SELECT window_id FROM predictions
           WHERE scenario_id = $scenario_id AND session_date BETWEEN $first AND $last AND NOT abstained) p
    ON p.window_id = w.window_id
WHERE w.feature_set_id = $feature_set_id AND w.session_date BETWEEN $first AND $last
ORDER BY w.session_date, w.ticker
