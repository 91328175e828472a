-- blocking: every buy rests on a prediction of its own session, and every plan records its principles
SELECT t.plan_id, t.ticker, t.session_date, t.action
FROM trade_plans t LEFT JOIN predictions p USING (prediction_id)
WHERE t.session_date BETWEEN $first AND $last
  AND (json_array_length(t.principles) = 0
       OR (t.action = 'buy' AND (p.prediction_id IS NULL OR p.abstained OR p.session_date <> t.session_date)))
