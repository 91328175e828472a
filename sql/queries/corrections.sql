-- Bars and actions of days up to $last with a version that was learned, or taken back, after one moment and up to another.
SELECT kind, ticker, day, max(known_at) AS known_at FROM (
    SELECT 'price' AS kind, ticker, session_date AS day, known_at FROM market_prices
    UNION ALL SELECT 'price', ticker, session_date, known_at FROM market_price_revisions
    UNION ALL SELECT 'action', ticker, ex_date, known_at FROM corporate_actions
    UNION ALL SELECT 'action', ticker, ex_date, known_at FROM corporate_action_revisions
    UNION ALL SELECT 'action', ticker, ex_date, superseded_at FROM corporate_action_revisions)
WHERE known_at > $since AND known_at <= $until AND day <= $last
GROUP BY kind, ticker, day
ORDER BY ticker, day, kind
