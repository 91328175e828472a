-- Commission and slippage of a scenario by session, up to a session.
SELECT session_date, sum(commission_usd)::DECIMAL(20,6) AS commission_usd, sum(slippage_usd)::DECIMAL(20,6) AS slippage_usd
FROM trades WHERE scenario_id = $scenario_id AND session_date <= $last
GROUP BY session_date ORDER BY session_date
