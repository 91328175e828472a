-- blocking: a model that answers a signal was made for its ticker, is cut off at its session and is deployed for it alone
SELECT a.signal_id, a.ticker, a.session_date, a.model_id, r.target_ticker, r.cutoff_session, d.target_ticker AS deployed_for
FROM retrain_answers a
LEFT JOIN model_registry r USING (model_id)
LEFT JOIN model_deployments d ON d.model_id = a.model_id AND d.decision = 'training'
WHERE a.session_date BETWEEN $first AND $last AND a.outcome = 'trained'
  AND NOT (r.target_ticker IS NOT DISTINCT FROM a.ticker AND r.cutoff_session IS NOT DISTINCT FROM a.session_date
           AND d.target_ticker IS NOT DISTINCT FROM a.ticker AND coalesce(d.live_from > a.session_date, FALSE))
