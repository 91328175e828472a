-- blocking: no prediction is judged before its target session, or with a price learned after that cut-off
SELECT prediction_id, target_session_date, price_known_at, as_of FROM prediction_accuracy
WHERE target_session_date BETWEEN $first AND $last AND (price_known_at > as_of OR session_date >= target_session_date)
