-- Articles that sessions between two days admit, first seen by a moment.
SELECT * EXCLUDE (run_id) FROM news_articles
WHERE session_date BETWEEN $first AND $last AND first_seen_at <= $as_of
ORDER BY session_date, published_at, article_id
