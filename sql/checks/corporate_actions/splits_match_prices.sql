-- blocking: across a split the price moves by the ratio, within a factor of two
WITH splits AS (
    SELECT ticker, ex_date, split_ratio FROM corporate_actions
    WHERE kind = 'split' AND ex_date BETWEEN $first AND $last),
bars AS (
    SELECT ticker, session_date, close, lag(close) OVER (PARTITION BY ticker ORDER BY session_date) AS previous_close
    FROM market_prices
    WHERE ticker IN (SELECT ticker FROM splits) AND session_date <= $last)
SELECT s.ticker, s.ex_date, s.split_ratio, b.previous_close, b.close
FROM splits s JOIN bars b ON b.ticker = s.ticker AND b.session_date = s.ex_date
WHERE NOT coalesce(b.close * s.split_ratio / b.previous_close BETWEEN 0.5 AND 2, TRUE)
