-- Whom articles are about, as sessions between two days learn of it, first seen by a moment.
SELECT t.article_id, t.ticker, t.session_date, a.published_at, t.confidence, t.story_id, t.story_session_date
FROM news_article_tickers t JOIN news_articles a USING (article_id)
WHERE t.session_date BETWEEN $first AND $last AND t.first_seen_at <= $as_of
ORDER BY t.session_date, a.published_at, t.article_id, t.ticker
