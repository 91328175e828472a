-- Retrain signals between two days that have no answer yet.
SELECT s.signal_id, s.session_date, s.ticker, s.reason, s.confidence
FROM retrain_signals s ANTI JOIN retrain_answers a USING (signal_id)
WHERE s.session_date BETWEEN $first AND $last
ORDER BY s.session_date, s.signal_id
