-- Forecasts of the members with what came of them, abstentions that had a probability among them.
SELECT p.ticker, p.session_date, p.raw_probability_up, p.expected_log_return AS expected_raw, p.volatility, p.ensemble,
       o.target_session_date, o.realised_log_return, o.price_known_at
FROM predictions_latest p
JOIN (SELECT prediction_id, target_session_date, realised_log_return, price_known_at FROM prediction_accuracy
      UNION ALL
      SELECT prediction_id, target_session_date, realised_log_return, price_known_at FROM abstention_outcomes) o
USING (prediction_id)
WHERE p.scenario_id = $scenario_id AND p.raw_probability_up IS NOT NULL AND p.volatility IS NOT NULL
ORDER BY p.session_date, p.ticker
