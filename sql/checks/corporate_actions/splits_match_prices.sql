-- blocking: across a split the price moves by the ratio, within a factor of two
WITH bars AS (
    SELECT ticker, session_date, close, lag(close) OVER (PARTITION BY ticker ORDER BY session_date) AS previous_close
    FROM market_prices)
SELECT a.ticker, a.ex_date, a.split_ratio, b.previous_close, b.close
FROM corporate_actions a JOIN bars b ON b.ticker = a.ticker AND b.session_date = a.ex_date
WHERE a.kind = 'split' AND a.ex_date BETWEEN $first AND $last
  AND NOT coalesce(b.close * a.split_ratio / b.previous_close BETWEEN 0.5 AND 2, TRUE)
