-- blocking: no bar claims to have been known before its session ended
SELECT ticker, session_date, known_at FROM market_prices
WHERE session_date BETWEEN $first AND $last AND (known_at AT TIME ZONE 'America/New_York') < session_date + INTERVAL 13 HOUR
