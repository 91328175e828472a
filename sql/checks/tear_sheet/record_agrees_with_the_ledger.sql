-- blocking: the record's growth and costs are those of portfolio_values and of the ledger, to the cent
WITH inception AS (
    SELECT scenario_id, arg_min(net_asset_value_usd, session_date) AS first_value_usd FROM portfolio_values GROUP BY scenario_id),
fees AS (
    SELECT scenario_id, session_date, sum(sum(amount_usd)) OVER (PARTITION BY scenario_id ORDER BY session_date) AS commission_usd
    FROM ledger_entries WHERE account = 'commission' GROUP BY scenario_id, session_date)
SELECT t.scenario_id, t.session_date, t.total_return, v.net_asset_value_usd, t.commission_usd, f.commission_usd AS ledger_commission_usd
FROM tear_sheet t
JOIN inception i USING (scenario_id)
LEFT JOIN portfolio_values v USING (scenario_id, session_date)
ASOF LEFT JOIN fees f ON f.scenario_id = t.scenario_id AND t.session_date >= f.session_date
WHERE t.session_date BETWEEN $first AND $last
  AND (v.net_asset_value_usd IS NULL
    OR abs((1 + t.total_return) * i.first_value_usd::DOUBLE - v.net_asset_value_usd::DOUBLE) >= 0.01
    OR abs(t.commission_usd - coalesce(f.commission_usd, 0)) >= 0.01)
