-- The newest verdict of the promotion gate on a family, or on one model of a ticker.
SELECT * FROM promotion_verdicts
WHERE CASE WHEN $model_id IS NULL THEN family = $family AND target_ticker IS NULL ELSE model_id = $model_id END
ORDER BY cutoff_session DESC LIMIT 1
