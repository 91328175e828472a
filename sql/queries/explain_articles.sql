-- The articles in a window: the score of one method, the newest version of it, and what other methods said beside.
WITH newest AS (
    SELECT article_id, ticker, scorer, arg_max(score, scored_at) AS score
    FROM news_article_scores GROUP BY ALL)
SELECT a.article_id, a.session_date, a.published_at, a.headline, $method AS counts,
       max(c.score) FILTER (c.scorer = $method) AS score,
       coalesce(string_agg(format('{} {:+.2f}', c.scorer, c.score), ', ' ORDER BY c.scorer)
                FILTER (c.scorer <> $method), '') AS beside
FROM feature_provenance($window_id) v
JOIN news_articles a ON v.table_name = 'news_articles' AND a.article_id = v.row_key
LEFT JOIN newest c ON c.article_id = a.article_id AND c.ticker = v.ticker
GROUP BY ALL
ORDER BY a.published_at, a.article_id
