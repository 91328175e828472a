-- warning: of the judged predictions so far, bounds hold their promised share within 2 points overall and at most 3 points less for every ticker
WITH judged AS (
    SELECT a.ticker, a.is_inside_interval::INTEGER AS inside, p.interval_coverage AS promised
    FROM prediction_accuracy a JOIN predictions p USING (prediction_id)
    WHERE $first <= $last AND a.target_session_date <= $last),
scopes AS (
    SELECT 'all' AS scope, count(*) AS n, avg(inside) AS coverage, avg(promised) AS promised FROM judged
    UNION ALL
    SELECT ticker, count(*), avg(inside), avg(promised) FROM judged GROUP BY ticker)
SELECT scope, n, round(coverage, 4) AS coverage, promised FROM scopes
WHERE (scope = 'all' AND n >= 2500 AND abs(coverage - promised) > 0.02)
   OR (scope <> 'all' AND n >= 1000 AND coverage < promised - 0.03)
