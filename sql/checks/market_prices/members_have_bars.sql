-- warning: every listed security has a bar on every session of its stay
WITH sessions AS (SELECT DISTINCT session_date FROM market_prices WHERE session_date BETWEEN $first AND $last)
SELECT u.ticker, s.session_date
FROM sessions s JOIN security_listings u ON u.valid_from <= s.session_date AND (u.valid_to IS NULL OR s.session_date < u.valid_to)
ANTI JOIN market_prices p ON p.ticker = u.ticker AND p.session_date = s.session_date
