-- blocking: labels, scaler and training windows of a model end by its cut-off, and it serves later sessions only
SELECT r.model_id, r.family, r.cutoff_session, r.labels_end_session, d.live_from
FROM model_registry r LEFT JOIN model_deployments d USING (model_id)
WHERE r.cutoff_session BETWEEN $first AND $last
  AND NOT (r.labels_end_session <= r.cutoff_session AND r.scaler_fitted_until_session <= r.last_training_session
           AND coalesce(d.live_from > r.cutoff_session, TRUE))
