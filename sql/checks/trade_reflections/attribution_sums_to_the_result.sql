-- blocking: the causes of a result add up to it, to the cent
SELECT reflection_id, ticker, session_date, realized_pnl_usd, attribution FROM trade_reflections
WHERE session_date BETWEEN $first AND $last
  AND abs(list_sum(list_transform(json_keys(attribution), lambda k: CAST(attribution->>k AS DECIMAL(20,6)))) - realized_pnl_usd) >= 0.01
