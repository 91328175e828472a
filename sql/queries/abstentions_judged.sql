-- What abstentions would have scored, of target sessions between two days.
SELECT ticker, session_date, target_session_date, abstain_reason, raw_probability_up AS probability_up, volatility,
       realised_log_return, is_correct, brier_score, log_loss
FROM abstention_outcomes
WHERE scenario_id = $scenario_id AND target_session_date BETWEEN $first AND $last
ORDER BY target_session_date, ticker, prediction_id
