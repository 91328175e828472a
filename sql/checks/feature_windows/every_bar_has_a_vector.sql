-- blocking: every bar of a member of the universe has a feature vector, even if incomplete
SELECT p.ticker, p.session_date
FROM market_prices p
JOIN ticker_universe u ON u.ticker = p.ticker AND u.valid_from <= p.session_date AND (u.valid_to IS NULL OR p.session_date < u.valid_to)
ANTI JOIN feature_windows f ON f.ticker = p.ticker AND f.session_date = p.session_date
WHERE p.session_date BETWEEN $first AND $last
