-- Positions of a scenario closed between two sessions, with the predictions that opened them.
SELECT DISTINCT r.ticker, d.session_date, r.session_date AS closed_on, r.outcome_quantile, r.lesson, d.volatility, d.probability_up
FROM trade_reflections r
JOIN trades t ON t.scenario_id = r.scenario_id AND t.ticker = r.ticker AND t.session_date = r.opened_on
    AND t.status <> 'rejected'
JOIN trade_plans p USING (plan_id)
JOIN predictions d ON d.prediction_id = p.prediction_id
WHERE r.scenario_id = $scenario_id AND r.session_date BETWEEN $first AND $last AND r.outcome_quantile IS NOT NULL
ORDER BY closed_on, r.ticker
