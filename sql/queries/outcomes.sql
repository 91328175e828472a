-- Judged predictions whose target session lies between two days.
SELECT * EXCLUDE (run_id, validated_at) FROM prediction_accuracy
WHERE scenario_id = $scenario_id AND target_session_date BETWEEN $first AND $last
ORDER BY target_session_date, ticker, prediction_id
