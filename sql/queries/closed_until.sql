-- Closed positions of a scenario with the prediction that opened each.
SELECT r.ticker, r.opened_on, r.session_date, r.thesis, r.outcome, r.lesson, r.realized_pnl_usd, r.attribution,
       r.outcome_quantile, r.outcome_chance,
       min(p.prediction_id) AS prediction_id
FROM trade_reflections r
LEFT JOIN trades t ON t.scenario_id = r.scenario_id AND t.ticker = r.ticker AND t.session_date = r.opened_on
    AND t.status <> 'rejected'
LEFT JOIN trade_plans p USING (plan_id)
WHERE r.scenario_id = $scenario_id AND r.session_date <= $last
GROUP BY ALL ORDER BY r.session_date, r.ticker
