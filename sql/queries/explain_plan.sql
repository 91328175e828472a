-- The plan that rests on a prediction and its trade, if there was one.
SELECT p.plan_id, p.action, p.target_weight, p.quantity AS planned_quantity, p.reference_price, p.principles,
       t.trade_id, t.session_date AS filled_on, t.side, t.quantity, t.price, t.commission_usd, t.slippage_usd,
       t.status, t.reject_reason, t.realized_pnl_usd
FROM trade_plans p LEFT JOIN trades t USING (plan_id)
WHERE p.prediction_id = $prediction_id
