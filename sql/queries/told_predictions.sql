-- Live predictions issued since $since, for those who are told of them.
SELECT session_date, prediction_id, ticker, direction, round(probability_up, 6) AS probability_up, target_session_date,
       abstained, abstain_reason, issued_at
FROM predictions WHERE scenario_id = $scenario_id AND origin = 'live' AND issued_at >= $since
ORDER BY session_date, ticker, prediction_id
