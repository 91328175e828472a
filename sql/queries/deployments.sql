-- Every deployment that began by a session.
SELECT d.model_id, d.family, d.live_from, d.live_to, d.created_at, r.artifact_path, r.artifact_sha256
FROM model_deployments d JOIN model_registry r USING (model_id)
WHERE d.live_from <= $last
ORDER BY d.live_from, d.family, d.created_at, d.model_id
