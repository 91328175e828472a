-- Probabilities of the predictions of sessions between two days that did not abstain.
SELECT session_date, ticker, probability_up, raw_probability_up FROM predictions_latest
WHERE scenario_id = $scenario_id AND session_date BETWEEN $first AND $last AND NOT abstained
ORDER BY session_date, ticker
