-- blocking: every member of the universe with a bar has a prediction or an abstention with its reason
SELECT b.ticker, b.session_date
FROM market_prices b
JOIN ticker_universe u ON u.ticker = b.ticker AND u.valid_from <= b.session_date AND (u.valid_to IS NULL OR b.session_date < u.valid_to)
ANTI JOIN predictions p ON p.ticker = b.ticker AND p.session_date = b.session_date
WHERE b.session_date BETWEEN $first AND $last
