-- Days whose bars or actions have versions that were learned, or taken back, after one moment and up to another.
SELECT DISTINCT day, known_at FROM (
    SELECT session_date AS day, known_at FROM market_prices
    UNION ALL SELECT session_date, known_at FROM market_price_revisions
    UNION ALL SELECT ex_date, known_at FROM corporate_actions
    UNION ALL SELECT ex_date, known_at FROM corporate_action_revisions
    UNION ALL SELECT ex_date, superseded_at FROM corporate_action_revisions)
WHERE known_at > $since AND known_at <= $until
ORDER BY day, known_at
