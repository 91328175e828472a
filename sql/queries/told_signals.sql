-- Requests to retrain of sessions from $first on.
SELECT session_date, signal_id, ticker, reason, confidence, status
FROM retrain_signals WHERE session_date >= $first ORDER BY session_date, signal_id
