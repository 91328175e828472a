-- Daily bars between two sessions in the versions known at a moment.
SELECT ticker, session_date, open, high, low, close, volume, source, known_at
FROM market_prices_as_of($as_of)
WHERE session_date BETWEEN $first AND $last
ORDER BY ticker, session_date
