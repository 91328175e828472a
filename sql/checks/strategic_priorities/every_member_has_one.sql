-- blocking: every member of the universe with a bar has a priority on the session
SELECT p.ticker, p.session_date
FROM market_prices p
JOIN ticker_universe u ON u.ticker = p.ticker AND u.valid_from <= p.session_date AND (u.valid_to IS NULL OR p.session_date < u.valid_to)
ANTI JOIN strategic_priorities s ON s.ticker = p.ticker AND s.session_date = p.session_date
WHERE p.session_date BETWEEN $first AND $last
