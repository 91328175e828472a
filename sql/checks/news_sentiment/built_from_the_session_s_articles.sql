-- blocking: the article count of a row is the number of scored articles that the session learns of
SELECT s.ticker, s.session_date, s.method, s.article_count, count(c.article_id) AS scored
FROM news_sentiment s
LEFT JOIN news_article_tickers t ON t.session_date = s.session_date AND t.ticker = s.ticker
LEFT JOIN news_article_scores c ON c.article_id = t.article_id AND c.ticker = s.ticker AND c.scorer = s.method AND c.relevance > 0
WHERE s.session_date BETWEEN $first AND $last
GROUP BY ALL HAVING s.article_count <> count(c.article_id)
