-- The model behind a prediction and how it came to be live at its session.
SELECT r.*, d.role, d.live_from, d.decision, d.reason AS deployment_reason
FROM model_registry r LEFT JOIN model_deployments d ON d.model_id = r.model_id AND d.live_from <= $session_date
WHERE r.model_id = $model_id
ORDER BY d.live_from DESC NULLS LAST, d.created_at DESC LIMIT 1
