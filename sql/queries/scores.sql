-- Scores by one version of one scorer for the articles that sessions between two days learn of.
SELECT c.* EXCLUDE (run_id)
FROM news_article_scores c JOIN news_article_tickers t USING (article_id, ticker)
WHERE t.session_date BETWEEN $first AND $last
  AND c.scorer = $scorer AND c.model = $model AND c.prompt_version = $prompt_version
ORDER BY c.article_id, c.ticker
