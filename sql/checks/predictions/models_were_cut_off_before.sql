-- blocking: every prediction comes from a model that was cut off before its session and from a window of its session
SELECT p.prediction_id, p.session_date, r.cutoff_session, w.session_date AS window_session
FROM predictions p LEFT JOIN model_registry r USING (model_id)
LEFT JOIN feature_windows w ON w.window_id = p.window_id
WHERE p.session_date BETWEEN $first AND $last
  AND (coalesce(r.cutoff_session >= p.session_date, FALSE) OR coalesce(w.session_date <> p.session_date, FALSE)
       OR (NOT p.abstained AND (r.model_id IS NULL)))
