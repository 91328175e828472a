-- Whom articles of sessions between two days, and of the copies of these sessions, are about.
SELECT t.article_id, t.ticker, t.session_date, a.published_at, a.headline, t.story_id, t.story_session_date
FROM news_article_tickers t JOIN news_articles a USING (article_id)
WHERE t.session_date BETWEEN $first AND $last
   OR t.article_id IN (SELECT article_id FROM news_article_copies WHERE session_date BETWEEN $first AND $last)
ORDER BY t.session_date, a.published_at, t.article_id, t.ticker
