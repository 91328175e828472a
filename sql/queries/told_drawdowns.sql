-- Sessions from $first on whose fall from the peak reached $brake, the session before not.
SELECT session_date, drawdown, net_asset_value_usd
FROM (SELECT *, lag(drawdown, 1, 0) OVER (ORDER BY session_date) AS drawdown_before
      FROM portfolio_values WHERE scenario_id = $scenario_id)
WHERE session_date >= $first AND drawdown >= $brake AND drawdown_before < $brake ORDER BY session_date
