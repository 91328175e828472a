-- blocking: every value lies inside its own interval, and the interval rests on more than one session
SELECT session_date, scope, metric, lower, value, upper, n_sessions FROM feedback_metrics
WHERE session_date BETWEEN $first AND $last
  AND NOT (lower <= value AND value <= upper AND (n_sessions > 1 OR scope = 'unmatured'))  -- that rests on earlier cohorts
