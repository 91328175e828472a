-- warning: no cash dividend is half of the price or more
SELECT a.ticker, a.ex_date, a.cash_amount_usd, p.close
FROM corporate_actions a JOIN market_prices p ON p.ticker = a.ticker AND p.session_date = a.ex_date
WHERE a.kind = 'dividend' AND a.ex_date BETWEEN $first AND $last AND a.cash_amount_usd >= 0.5 * p.close
