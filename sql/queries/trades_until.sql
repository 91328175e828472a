-- Trades of a scenario up to a session.
SELECT * EXCLUDE (run_id) FROM trades WHERE scenario_id = $scenario_id AND session_date <= $last
ORDER BY session_date, side DESC, ticker
