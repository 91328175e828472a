-- Copies of articles that sessions between two days admitted, as they were told.
SELECT copy_id, article_id, session_date, canonical_url, content_hash
FROM news_article_copies WHERE session_date BETWEEN $first AND $last
ORDER BY session_date, published_at, source, canonical_url NULLS FIRST, content_hash, copy_id
