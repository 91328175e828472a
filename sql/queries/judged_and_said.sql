-- Judged predictions whose target session lies between two days, as they are known at the last of them, with what they
-- had said: the columns that scores read.
WITH said AS (
    SELECT prediction_id, probability_up, expected_log_return, lower_log_return, upper_log_return, volatility,
           interval_coverage, horizon_sessions
    FROM predictions_latest WHERE scenario_id = $scenario_id AND target_session_date BETWEEN $first AND $last),
revised AS (
    SELECT r.* FROM prediction_accuracy_revisions r JOIN said USING (prediction_id, horizon_sessions)
    WHERE r.scenario_id = $scenario_id AND r.revised_on <= $last
    QUALIFY row_number() OVER (PARTITION BY r.prediction_id ORDER BY r.revised_on DESC) = 1),
known AS (
    SELECT prediction_id, ticker, session_date, target_session_date, realised_log_return, is_correct, brier_score, log_loss,
           is_inside_interval, surprise_z, price_known_at, as_of
    FROM prediction_accuracy ANTI JOIN revised USING (prediction_id)
    WHERE scenario_id = $scenario_id AND target_session_date BETWEEN $first AND $last
    UNION ALL BY NAME
    SELECT prediction_id, ticker, session_date, target_session_date, realised_log_return, is_correct, brier_score, log_loss,
           is_inside_interval, surprise_z, price_known_at, as_of
    FROM revised)
SELECT a.ticker, a.session_date, a.target_session_date, a.realised_log_return, a.is_correct, a.brier_score, a.log_loss,
       a.is_inside_interval, a.surprise_z, a.price_known_at, a.as_of, p.probability_up, p.expected_log_return,
       p.lower_log_return, p.upper_log_return, p.volatility, p.interval_coverage, p.horizon_sessions
FROM known a JOIN said p USING (prediction_id)
ORDER BY a.target_session_date, a.ticker, a.prediction_id
