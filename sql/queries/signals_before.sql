-- Retrain signals of sessions before a day.
SELECT session_date, ticker, reason FROM retrain_signals WHERE session_date < $first ORDER BY session_date, ticker, reason
