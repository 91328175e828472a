-- Every registered model in full, with the first session that it served.
SELECT r.*, d.live_from
FROM model_registry r
LEFT JOIN (SELECT model_id, min(live_from) AS live_from FROM model_deployments GROUP BY model_id) d USING (model_id)
ORDER BY r.cutoff_session, r.family, r.model_id
