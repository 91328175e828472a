-- blocking: no article belongs to a session that had its cut-off before the article was published
SELECT article_id, session_date, published_at FROM news_articles
WHERE session_date BETWEEN $first AND $last AND (published_at AT TIME ZONE 'America/New_York') > session_date + INTERVAL 17 HOUR
