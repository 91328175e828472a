-- blocking: net asset value is cash plus the market value of the holdings, and cash is the ledger's
WITH positions AS (
    SELECT scenario_id, session_date, sum(market_value_usd) AS market_value_usd FROM portfolio_holdings
    WHERE session_date BETWEEN $first AND $last GROUP BY ALL),
daily_cash AS (
    SELECT scenario_id, session_date, sum(sum(amount_usd)) OVER (PARTITION BY scenario_id ORDER BY session_date) AS cash_usd
    FROM ledger_entries WHERE account = 'cash' GROUP BY scenario_id, session_date)
SELECT v.scenario_id, v.session_date, v.net_asset_value_usd, v.cash_usd, p.market_value_usd, c.cash_usd AS ledger_cash_usd
FROM portfolio_values v
LEFT JOIN positions p USING (scenario_id, session_date)
ASOF LEFT JOIN daily_cash c ON c.scenario_id = v.scenario_id AND v.session_date >= c.session_date
WHERE v.session_date BETWEEN $first AND $last
  AND (abs(v.net_asset_value_usd - v.cash_usd - coalesce(p.market_value_usd, 0)) >= 0.01 OR abs(v.cash_usd - c.cash_usd) >= 0.01)
