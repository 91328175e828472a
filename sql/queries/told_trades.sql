-- Trades of sessions from $first on.
SELECT session_date, trade_id, plan_id, ticker, side, quantity::DOUBLE AS quantity, price, status, reject_reason, filled_at
FROM trades WHERE scenario_id = $scenario_id AND session_date >= $first ORDER BY session_date, ticker, trade_id
