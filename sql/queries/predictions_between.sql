-- The current prediction of each ticker for sessions between two days.
SELECT * EXCLUDE (run_id) FROM predictions_latest
WHERE scenario_id = $scenario_id AND session_date BETWEEN $first AND $last
ORDER BY session_date, ticker
