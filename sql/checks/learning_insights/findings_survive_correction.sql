-- blocking: every finding has a corrected p-value no smaller than its own and rests on at least 20 predictions
SELECT insight_id, session_date, p_value, q_value, n FROM learning_insights
WHERE session_date BETWEEN $first AND $last AND NOT (q_value >= p_value AND n >= 20)
