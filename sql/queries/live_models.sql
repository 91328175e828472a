-- The models that serve a session, for all and for single tickers, with their validation scores and the newest verdict on each.
WITH live AS (
    SELECT family, NULL AS target_ticker, model_id, serves, live_from FROM models_live_at($session)
    UNION ALL
    SELECT family, target_ticker, model_id, 'alone, ' || how, live_from FROM ticker_models_at($session)),
newest AS (
    SELECT * FROM promotion_verdicts WHERE cutoff_session < $session
    QUALIFY row_number() OVER (PARTITION BY family, target_ticker, CASE WHEN target_ticker IS NOT NULL THEN model_id END
                               ORDER BY cutoff_session DESC) = 1)
SELECT l.family, l.target_ticker, l.model_id, l.serves, l.live_from, r.cutoff_session, r.window_count, r.metrics, r.baseline_metrics,
       v.verdict, v.reason_code, v.cutoff_session AS judged_at
FROM live l JOIN model_registry r USING (model_id)
LEFT JOIN newest v ON v.family = l.family AND v.target_ticker IS NOT DISTINCT FROM l.target_ticker
    AND (l.target_ticker IS NULL OR v.model_id = l.model_id)
ORDER BY l.target_ticker NULLS FIRST, l.family
