-- Feature vectors of one feature set between two sessions.
SELECT ticker, session_date, feature_set_id, window_id, "values", lookback_sessions, is_complete, inputs_known_until
FROM feature_windows
WHERE feature_set_id = $feature_set_id AND session_date BETWEEN $first AND $last
ORDER BY ticker, session_date
