-- blocking: every trade fills a plan of an earlier session, never for more than was planned after splits
SELECT t.trade_id, t.session_date, p.session_date AS planned_on
FROM trades t LEFT JOIN trade_plans p USING (plan_id)
WHERE t.session_date BETWEEN $first AND $last AND (p.plan_id IS NULL OR p.session_date >= t.session_date)
