-- The articles in a window, with their scores.
SELECT a.article_id, a.session_date, a.published_at, a.headline, c.score, c.scorer
FROM feature_provenance($window_id) v
JOIN news_articles a ON v.table_name = 'news_articles' AND a.article_id = v.row_key
LEFT JOIN news_article_scores c ON c.article_id = a.article_id AND c.ticker = v.ticker
ORDER BY a.published_at
