-- First cut-off of every configuration that was ever trained for the universe.
SELECT min(cutoff_session) AS cutoff_session FROM model_registry
WHERE target_ticker IS NULL
GROUP BY family, feature_set_id, horizon_sessions, seed, config ORDER BY 1
