-- Every deployment that began by a session, with what its model is a trial of.
SELECT d.model_id, d.family, d.live_from, d.live_to, d.role, d.decision, d.created_at, r.artifact_path, r.artifact_sha256,
       r.feature_set_id, r.horizon_sessions, r.seed, r.config, r.cutoff_session, d.target_ticker, d.in_force_from
FROM model_deployments d JOIN model_registry r USING (model_id)
WHERE d.live_from <= $last
ORDER BY d.live_from, d.family, d.created_at, d.model_id
