-- The newest raw bars in a window, as they were known at its cut-off.
SELECT p.session_date, p.open, p.high, p.low, p.close, p.volume, p.source, p.known_at
FROM feature_windows w JOIN market_prices_as_of($as_of) p ON p.ticker = w.ticker
WHERE w.window_id = $window_id AND p.session_date BETWEEN w.first_raw_session_date AND w.session_date
ORDER BY p.session_date DESC
LIMIT 5
