-- warning: every prediction whose target has a bar is judged
SELECT p.prediction_id, p.ticker, p.target_session_date
FROM predictions p
JOIN market_prices b ON b.ticker = p.ticker AND b.session_date = p.target_session_date
ANTI JOIN prediction_accuracy a ON a.prediction_id = p.prediction_id
WHERE p.target_session_date BETWEEN $first AND $last AND NOT p.abstained
