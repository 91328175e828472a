-- Judged predictions of a scenario whose target session has closed: what was said and what came.
SELECT a.session_date, p.probability_up, a.realised_log_return, a.is_inside_interval, p.interval_coverage
FROM prediction_accuracy a JOIN predictions p USING (prediction_id)
WHERE a.scenario_id = $scenario_id AND a.target_session_date <= $last
ORDER BY a.session_date, a.ticker, a.prediction_id
