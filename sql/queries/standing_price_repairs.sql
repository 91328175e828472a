-- The newest repair of each bar between two sessions, by the rules that are named.
SELECT ticker, session_date, rule, open_before, high_before, low_before, close_before, open, high, low, close
FROM price_repairs
WHERE session_date BETWEEN $first AND $last AND list_contains($rules, rule) AND NOT was_refused
QUALIFY row_number() OVER (PARTITION BY ticker, session_date ORDER BY repaired_at DESC) = 1
ORDER BY ticker, session_date
