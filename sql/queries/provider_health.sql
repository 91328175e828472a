-- Calls of the day before $now by provider: how many, how many failed and why; when each last answered.
WITH judged AS (
    SELECT *, outcome IN ('ok', 'cached', 'not_found') AS is_answer, started_at > $now - INTERVAL 1 DAY AS is_recent
    FROM provider_calls WHERE started_at <= $now),
reasons AS (
    SELECT provider, string_agg(outcome || ' ' || n, ', ' ORDER BY n DESC, outcome) AS reasons
    FROM (SELECT provider, outcome, count(*) AS n FROM judged WHERE is_recent AND NOT is_answer GROUP BY ALL)
    GROUP BY ALL)
SELECT provider, count(*) FILTER (is_recent) AS calls, count(*) FILTER (is_recent AND NOT is_answer) AS failed,
       arg_max(is_answer, started_at) AS newest_is_answer, max(started_at) FILTER (is_answer) AS answered_at,
       coalesce(any_value(reasons), '') AS reasons
FROM judged LEFT JOIN reasons USING (provider) GROUP BY provider ORDER BY provider
