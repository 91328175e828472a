-- blocking: the evidence of a signal ends on or before its session
SELECT signal_id, session_date, window_end FROM retrain_signals
WHERE session_date BETWEEN $first AND $last AND window_end > session_date
