-- The newest verdict of the promotion gate on a family.
SELECT * FROM promotion_verdicts WHERE family = $family ORDER BY cutoff_session DESC LIMIT 1
