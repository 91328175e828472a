-- First cut-off of every configuration that was ever trained.
SELECT min(cutoff_session) AS cutoff_session FROM model_registry
GROUP BY family, feature_set_id, horizon_sessions, seed, config ORDER BY 1
