-- Predictions issued on each session between two days, by the reason of abstention (null: spoken).
SELECT session_date, abstain_reason, count(*)::INTEGER AS n
FROM predictions_latest
WHERE scenario_id = $scenario_id AND session_date BETWEEN $first AND $last
GROUP BY session_date, abstain_reason ORDER BY session_date, abstain_reason
