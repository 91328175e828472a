-- warning: no article in a language of the scorer has failed to be scored and is still without a score
SELECT f.article_id, f.ticker, f.scorer, f.error_class, f.attempts, f.next_attempt_at
FROM news_score_failures f JOIN news_article_tickers t USING (article_id, ticker)
ANTI JOIN news_article_scores c USING (article_id, ticker, scorer, model, prompt_version)
WHERE f.error_class <> 'other_language' AND t.session_date BETWEEN $first AND $last
ORDER BY f.last_failed_at DESC, f.article_id, f.ticker
