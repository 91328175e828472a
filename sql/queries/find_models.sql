-- Models whose id begins so, of the family of that name, or of the ticker of that name, the newest first.
SELECT * FROM model_registry
WHERE starts_with(model_id, $wanted) OR (family = $wanted AND target_ticker IS NULL) OR target_ticker = $wanted
ORDER BY cutoff_session DESC, created_at DESC, model_id
