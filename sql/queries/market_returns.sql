-- Median log return over all securities, each session against the bar before, of bars as they were first told.
WITH told AS (
    SELECT ticker, session_date, close, known_at FROM market_prices WHERE session_date BETWEEN $first AND $last
    UNION ALL
    SELECT ticker, session_date, close, known_at FROM market_price_revisions WHERE session_date BETWEEN $first AND $last
),
first_told AS (SELECT ticker, session_date, arg_min(close, known_at) AS close FROM told GROUP BY ALL),
moves AS (
    SELECT session_date, ln(close / lag(close) OVER (PARTITION BY ticker ORDER BY session_date)) AS log_return
    FROM first_told WHERE close > 0
)
SELECT session_date, median(log_return) AS log_return FROM moves WHERE log_return IS NOT NULL
GROUP BY session_date ORDER BY session_date
