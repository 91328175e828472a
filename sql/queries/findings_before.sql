-- Findings of sessions before a day, each with its looks before that day in order of time.
SELECT i.insight_id, i.session_date, i.kind, i.scope, i.effect, t.session_date AS tested_on, t.verdict
FROM learning_insights i LEFT JOIN insight_retests t ON t.insight_id = i.insight_id AND t.session_date < $first
WHERE i.session_date < $first ORDER BY i.session_date, i.insight_id, t.session_date
