-- Models whose id begins so, or of the family of that name, the newest first.
SELECT * FROM model_registry
WHERE starts_with(model_id, $wanted) OR family = $wanted
ORDER BY cutoff_session DESC, created_at DESC, model_id
