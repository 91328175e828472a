-- The newest version of each score by one scorer for the articles that sessions between two days learn of.
SELECT c.article_id, c.ticker, c.score
FROM news_article_scores c JOIN news_article_tickers t USING (article_id, ticker)
WHERE t.session_date BETWEEN $first AND $last AND c.scorer = $scorer
QUALIFY row_number() OVER (PARTITION BY c.article_id, c.ticker ORDER BY c.scored_at DESC, c.model, c.prompt_version) = 1
ORDER BY c.article_id, c.ticker
