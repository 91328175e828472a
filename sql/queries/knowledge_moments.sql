-- When versions of bars and actions of sessions between two days became known, or were taken back.
SELECT DISTINCT day, known_at FROM (
    SELECT session_date AS day, known_at FROM market_prices
    UNION ALL SELECT session_date, known_at FROM market_price_revisions
    UNION ALL SELECT ex_date, known_at FROM corporate_actions
    UNION ALL SELECT ex_date, known_at FROM corporate_action_revisions
    UNION ALL SELECT ex_date, superseded_at FROM corporate_action_revisions)
WHERE day BETWEEN $first AND $last
ORDER BY day, known_at
