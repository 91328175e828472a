-- Configurations of models tried by each training cut-off, all families together.
WITH by_family AS (
    SELECT c.cutoff_session, m.family, max(m.trials_to_date) AS tried
    FROM (SELECT DISTINCT cutoff_session FROM model_registry WHERE target_ticker IS NULL AND cutoff_session <= $last) c
    JOIN model_registry m ON m.target_ticker IS NULL AND m.cutoff_session <= c.cutoff_session
    GROUP BY c.cutoff_session, m.family)
SELECT cutoff_session, sum(tried)::BIGINT AS trials FROM by_family GROUP BY cutoff_session ORDER BY cutoff_session
