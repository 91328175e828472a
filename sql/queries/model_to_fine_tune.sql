-- The model for all tickers of one of some families that served a session by training, the newest of the first family in order.
SELECT d.model_id, d.family, r.artifact_path, r.artifact_sha256
FROM model_deployments d JOIN model_registry r USING (model_id)
WHERE d.target_ticker IS NULL AND d.decision = 'training' AND d.live_from <= $session
  AND d.family IN (SELECT unnest($families)) AND r.feature_set_id = $feature_set_id AND r.horizon_sessions = $horizon_sessions
ORDER BY list_position($families, d.family), d.live_from DESC, d.created_at DESC, d.model_id DESC LIMIT 1
