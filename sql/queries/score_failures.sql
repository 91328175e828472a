-- Failures of one version of one scorer on the articles that sessions between two days learn of.
SELECT f.article_id, f.ticker, f.attempts, f.first_failed_at, f.next_attempt_at
FROM news_score_failures f JOIN news_article_tickers t USING (article_id, ticker)
WHERE t.session_date BETWEEN $first AND $last
  AND f.scorer = $scorer AND f.model = $model AND f.prompt_version = $prompt_version
ORDER BY f.article_id, f.ticker
