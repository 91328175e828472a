-- blocking: the article count of a row is the number of articles that the session learns of and a version of the scorer scored
SELECT s.ticker, s.session_date, s.method, s.article_count
FROM news_sentiment s
WHERE s.session_date BETWEEN $first AND $last AND NOT EXISTS (
    SELECT 1 FROM news_article_tickers t JOIN news_article_scores c USING (article_id, ticker)
    WHERE t.session_date = s.session_date AND t.ticker = s.ticker AND c.scorer = s.method AND c.relevance > 0
    GROUP BY c.model, c.prompt_version HAVING count(*) = s.article_count)
