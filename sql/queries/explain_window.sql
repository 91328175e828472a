-- The window behind a prediction and the names of its features.
SELECT w.*, s.names, s.warmup_sessions
FROM feature_windows w JOIN feature_sets s USING (feature_set_id)
WHERE w.window_id = $window_id
