-- Deployments of a family up to a session, as they came into force.
SELECT * FROM model_deployments WHERE family = $family AND live_from <= $last
ORDER BY live_from, created_at, model_id
