-- blocking: a complete window has no null, NaN or infinite value
SELECT ticker, session_date FROM feature_windows
WHERE session_date BETWEEN $first AND $last AND is_complete
  AND len(list_filter("values", lambda v: v IS NULL OR NOT isfinite(v))) > 0
