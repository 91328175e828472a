-- First judgements of predictions over their own and further horizons that end between two days.
SELECT a.prediction_id, p.horizon_sessions, a.realised_log_return AS first_log_return, a.is_correct AS first_is_correct,
       a.brier_score AS first_brier_score, a.log_loss AS first_log_loss, a.is_inside_interval AS first_is_inside_interval
FROM prediction_accuracy a JOIN predictions p USING (prediction_id)
WHERE a.scenario_id = $scenario_id AND a.target_session_date BETWEEN $first AND $last
UNION ALL
SELECT prediction_id, horizon_sessions, realised_log_return, is_correct, NULL, NULL, NULL
FROM horizon_outcomes
WHERE scenario_id = $scenario_id AND target_session_date BETWEEN $first AND $last
ORDER BY prediction_id, horizon_sessions
