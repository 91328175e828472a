-- Judged predictions of a scenario with their members and the return of the 20 sessions before.
SELECT a.* EXCLUDE (run_id, validated_at), p.probability_up, p.expected_log_return, p.lower_log_return, p.upper_log_return,
       p.volatility, p.interval_coverage, p.horizon_sessions, p.model_id, p.ensemble,
       w."values"[list_position(s.names, 'return_20')] AS return_20
FROM prediction_accuracy a
JOIN predictions p USING (prediction_id)
LEFT JOIN feature_windows w ON w.window_id = p.window_id
LEFT JOIN feature_sets s ON s.feature_set_id = w.feature_set_id
WHERE a.scenario_id = $scenario_id
ORDER BY a.target_session_date, a.ticker, a.prediction_id
