-- Directions of the predictions of sessions between two days that did not abstain.
SELECT prediction_id, scenario_id, ticker, session_date, direction, abstained FROM predictions_latest
WHERE scenario_id = $scenario_id AND session_date BETWEEN $first AND $last AND NOT abstained
ORDER BY session_date, ticker
