-- Spans of sessions for which the actions of a ticker were asked for, that touch the days between two days.
SELECT ticker, first_session, last_session FROM corporate_action_coverage
WHERE first_session <= $last AND last_session >= $first
ORDER BY ticker, first_session
