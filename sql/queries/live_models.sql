-- The models that serve a session, with their validation scores and the newest verdict on each family before it.
SELECT l.family, l.model_id, l.serves, l.live_from, r.cutoff_session, r.window_count, r.metrics, r.baseline_metrics,
       v.verdict, v.reason_code, v.cutoff_session AS judged_at
FROM models_live_at($session) l JOIN model_registry r USING (model_id)
LEFT JOIN (SELECT * FROM promotion_verdicts WHERE cutoff_session < $session
           QUALIFY row_number() OVER (PARTITION BY family ORDER BY cutoff_session DESC) = 1) v ON v.family = l.family
ORDER BY l.family
