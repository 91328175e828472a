-- blocking: every member of the universe with a bar by the cut-off has a prediction or an abstention with its reason
WITH bars AS (
    SELECT ticker, session_date, min(known_at) AS known_at
    FROM (SELECT ticker, session_date, known_at FROM market_prices
          UNION ALL SELECT ticker, session_date, known_at FROM market_price_revisions)
    WHERE session_date BETWEEN $first AND $last
    GROUP BY ticker, session_date),
cutoffs AS (SELECT session_date, max(as_of) AS as_of FROM predictions GROUP BY session_date)
SELECT b.ticker, b.session_date
FROM bars b
JOIN ticker_universe u ON u.ticker = b.ticker AND u.valid_from <= b.session_date AND (u.valid_to IS NULL OR b.session_date < u.valid_to)
LEFT JOIN cutoffs c ON c.session_date = b.session_date
ANTI JOIN predictions t ON t.ticker = b.ticker AND t.session_date = b.session_date
WHERE coalesce(b.known_at <= c.as_of, TRUE)
