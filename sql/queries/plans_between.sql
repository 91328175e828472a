-- Plans of a scenario drafted between two sessions.
SELECT * EXCLUDE (run_id) FROM trade_plans
WHERE scenario_id = $scenario_id AND session_date BETWEEN $first AND $last
ORDER BY session_date, ticker
