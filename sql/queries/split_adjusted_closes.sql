-- Closes of one ticker between two sessions, in shares of the last one; for pictures, not for decisions.
SELECT p.session_date,
       p.close / coalesce(product(a.split_ratio), 1) AS close
FROM market_prices p
LEFT JOIN corporate_actions a
    ON a.ticker = p.ticker AND a.kind = 'split' AND a.ex_date > p.session_date AND a.ex_date <= $last
WHERE p.ticker = $ticker AND p.session_date BETWEEN $first AND $last
GROUP BY p.session_date, p.close
ORDER BY p.session_date
