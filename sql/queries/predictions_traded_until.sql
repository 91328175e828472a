-- The predictions behind the trades of a scenario up to a session.
SELECT prediction_id, target_session_date, horizon_sessions, probability_up, expected_log_return, lower_log_return, upper_log_return,
       interval_coverage
FROM predictions
WHERE prediction_id IN (
    SELECT p.prediction_id FROM trade_plans p JOIN trades t USING (plan_id)
    WHERE p.scenario_id = $scenario_id AND t.session_date <= $last)
ORDER BY prediction_id
