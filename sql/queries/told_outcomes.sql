-- What came of live predictions, found since $since.
SELECT a.target_session_date AS session_date, a.prediction_id, a.ticker, p.direction, a.realised_direction, a.is_correct,
       a.is_inside_interval, round(a.realised_log_return, 8) AS realised_log_return, a.validated_at
FROM prediction_accuracy a JOIN predictions p USING (prediction_id)
WHERE a.scenario_id = $scenario_id AND p.origin = 'live' AND a.validated_at >= $since
ORDER BY session_date, ticker, prediction_id
