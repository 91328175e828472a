-- warning: every signal of the sessions has an answer, be it why none was trained
SELECT s.signal_id, s.session_date, s.ticker, s.reason FROM retrain_signals s ANTI JOIN retrain_answers a USING (signal_id)
WHERE s.session_date BETWEEN $first AND $last
