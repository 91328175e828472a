-- What dated deliveries have said of the bars between two sessions, by the instant of the delivery.
WITH versions AS (
    SELECT ticker, session_date, known_at, delivered_at, open, high, low, close, volume FROM market_prices
    WHERE session_date BETWEEN $first AND $last
    UNION ALL
    SELECT ticker, session_date, known_at, delivered_at, open, high, low, close, volume FROM market_price_revisions
    WHERE session_date BETWEEN $first AND $last)
SELECT ticker, session_date, delivered_at, open, high, low, close, volume FROM versions WHERE delivered_at IS NOT NULL
UNION ALL
SELECT c.ticker, c.session_date, c.known_at AS delivered_at, v.open, v.high, v.low, v.close, v.volume
FROM (SELECT * FROM market_price_confirmations WHERE session_date BETWEEN $first AND $last) c
ASOF JOIN versions v ON c.ticker = v.ticker AND c.session_date = v.session_date AND c.known_at >= v.known_at
