-- The plans behind the trades of a scenario up to a session.
SELECT p.* EXCLUDE (run_id) FROM trade_plans p
WHERE p.scenario_id = $scenario_id AND p.plan_id IN (SELECT plan_id FROM trades WHERE session_date <= $last)
ORDER BY p.session_date, p.ticker
