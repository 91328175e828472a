-- blocking: a security is never in the universe twice on the same session
SELECT a.ticker, a.valid_from, b.valid_from AS overlapping_from
FROM ticker_universe a JOIN ticker_universe b ON a.ticker = b.ticker AND a.valid_from < b.valid_from
WHERE (a.valid_to IS NULL OR a.valid_to > b.valid_from) AND b.valid_from <= $last AND coalesce(a.valid_to, $last) >= $first
