-- Every registered model with the sessions that its first deployment began at.
SELECT r.family, r.target_ticker, r.model_id, r.cutoff_session, r.window_count, r.trials_to_date, min(d.live_from) AS live_from,
       r.metrics, r.baseline_metrics
FROM model_registry r LEFT JOIN model_deployments d USING (model_id)
GROUP BY ALL ORDER BY r.cutoff_session, r.family, r.model_id
