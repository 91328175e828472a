-- Articles with the securities that sessions between two days learn of, first seen by a moment.
SELECT a.* EXCLUDE (run_id) REPLACE (t.session_date AS session_date, t.first_seen_at AS first_seen_at, t.tickers AS tickers)
FROM news_articles a
JOIN (
    SELECT article_id, session_date, max(first_seen_at) AS first_seen_at, list(ticker ORDER BY ticker) AS tickers
    FROM news_article_tickers
    WHERE session_date BETWEEN $first AND $last AND first_seen_at <= $as_of
    GROUP BY ALL) t USING (article_id)
ORDER BY a.session_date, a.published_at, a.article_id
