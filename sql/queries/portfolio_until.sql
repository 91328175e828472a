-- Portfolio values of a scenario up to a session.
SELECT * EXCLUDE (run_id) FROM portfolio_values WHERE scenario_id = $scenario_id AND session_date <= $last
ORDER BY session_date
