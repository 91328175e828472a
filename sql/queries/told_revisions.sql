-- What corrections made of judged outcomes of live predictions over their own horizon, found since $since.
SELECT r.revised_on AS session_date, r.prediction_id, r.ticker, p.direction, r.cause, r.first_is_correct, r.is_correct,
       r.first_is_inside_interval, r.is_inside_interval, round(r.first_log_return, 8) AS first_log_return,
       round(r.realised_log_return, 8) AS realised_log_return, r.target_session_date, r.validated_at
FROM prediction_accuracy_revisions r JOIN predictions p USING (prediction_id, horizon_sessions)
WHERE r.scenario_id = $scenario_id AND p.origin = 'live' AND r.validated_at >= $since
ORDER BY session_date, r.ticker, r.prediction_id
