-- When versions of bars and actions of sessions between two days became known.
SELECT DISTINCT day, known_at FROM (
    SELECT session_date AS day, known_at FROM market_prices
    UNION ALL SELECT session_date, known_at FROM market_price_revisions
    UNION ALL SELECT ex_date, known_at FROM corporate_actions)
WHERE day BETWEEN $first AND $last
ORDER BY day, known_at
