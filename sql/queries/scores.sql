-- Scores by one version of one scorer for the articles that sessions between two days admit.
SELECT c.* EXCLUDE (run_id)
FROM news_article_scores c JOIN news_articles a USING (article_id)
WHERE a.session_date BETWEEN $first AND $last
  AND c.scorer = $scorer AND c.model = $model AND c.prompt_version = $prompt_version
ORDER BY c.article_id, c.ticker
