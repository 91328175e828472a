-- The model behind a prediction and when it was live.
SELECT r.*, d.role, d.live_from, d.reason AS deployment_reason
FROM model_registry r LEFT JOIN model_deployments d USING (model_id)
WHERE r.model_id = $model_id
