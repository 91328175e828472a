-- Deployments of a family for the universe up to a session, as they came into force.
SELECT * FROM model_deployments WHERE family = $family AND target_ticker IS NULL AND live_from <= $last
ORDER BY live_from, created_at, model_id
