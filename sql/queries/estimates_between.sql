-- Scores that were estimated before the labels came, beside what came, of sessions between two days.
SELECT session_date, metric, estimated, lower, upper, realised FROM estimated_and_realised
WHERE session_date BETWEEN $first AND $last AND n_judged = n_estimated
ORDER BY metric, session_date
