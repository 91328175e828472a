-- The raw row versions in a window, counted by table and source.
SELECT table_name, count(*) AS row_versions, min(session_date) AS first_session, max(session_date) AS last_session,
       max(known_at) AS newest_known_at, string_agg(DISTINCT source, ', ') AS sources
FROM feature_provenance($window_id)
GROUP BY table_name
ORDER BY table_name
