-- What the members said of predictions that were judged, in the order of sessions.
SELECT p.session_date, p.ticker, p.ensemble, a.realised_log_return, a.target_session_date
FROM prediction_accuracy a JOIN predictions p USING (prediction_id)
WHERE a.scenario_id = $scenario_id
ORDER BY p.session_date, p.ticker, p.prediction_id
