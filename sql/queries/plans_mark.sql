-- A mark of the plans of a scenario between two sessions: another number once any plan is another one.
SELECT coalesce(sum(hash(plan_id))::VARCHAR, '') FROM trade_plans
WHERE scenario_id = $scenario_id AND session_date BETWEEN $first AND $last
