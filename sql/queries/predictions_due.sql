-- The first prediction issued for each ticker whose target session lies between two days.
SELECT * EXCLUDE (run_id, ensemble, adjustments) FROM predictions_latest
WHERE scenario_id = $scenario_id AND target_session_date BETWEEN $first AND $last
ORDER BY target_session_date, ticker, session_date
