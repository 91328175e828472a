-- blocking: a ticker never stands for two securities, nor a security for two tickers, on the same session
SELECT a.ticker, a.valid_from, b.ticker AS other_ticker, b.valid_from AS overlapping_from
FROM security_listings a JOIN security_listings b
    ON (a.ticker = b.ticker AND a.valid_from < b.valid_from)
    OR (a.security_id = b.security_id AND a.ticker < b.ticker)
WHERE a.valid_from < coalesce(b.valid_to, DATE '9999-12-31') AND b.valid_from < coalesce(a.valid_to, DATE '9999-12-31')
  AND greatest(a.valid_from, b.valid_from) <= $last
  AND least(coalesce(a.valid_to, $last), coalesce(b.valid_to, $last)) >= $first
