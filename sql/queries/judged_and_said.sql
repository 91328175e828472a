-- Judged predictions whose target session lies between two days, with what they had said: the columns that scores read.
SELECT a.ticker, a.session_date, a.target_session_date, a.realised_log_return, a.is_correct, a.brier_score, a.log_loss,
       a.is_inside_interval, a.surprise_z, a.price_known_at, a.as_of, p.probability_up, p.expected_log_return,
       p.lower_log_return, p.upper_log_return, p.volatility, p.interval_coverage, p.horizon_sessions
FROM prediction_accuracy a
JOIN (SELECT prediction_id, probability_up, expected_log_return, lower_log_return, upper_log_return, volatility,
             interval_coverage, horizon_sessions
      FROM predictions_latest WHERE scenario_id = $scenario_id AND target_session_date BETWEEN $first AND $last) p
USING (prediction_id)
WHERE a.scenario_id = $scenario_id AND a.target_session_date BETWEEN $first AND $last
ORDER BY a.target_session_date, a.ticker, a.prediction_id
