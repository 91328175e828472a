-- Answers to retrain signals of sessions up to a day.
SELECT signal_id, session_date, ticker, outcome, model_id FROM retrain_answers WHERE session_date <= $last
ORDER BY session_date, signal_id
