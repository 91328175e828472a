-- For sessions between two days, when the earliest bar that was fetched in its own time became known.
SELECT session_date, min(known_at) AS known_at
FROM (
    SELECT session_date, known_at, known_at_is_assumed FROM market_prices
    UNION ALL SELECT session_date, known_at, known_at_is_assumed FROM market_price_revisions)
WHERE session_date BETWEEN $first AND $last AND NOT known_at_is_assumed
GROUP BY session_date
ORDER BY session_date
