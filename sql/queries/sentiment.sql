-- Aggregated sentiment between two sessions by one method.
SELECT ticker, session_date, article_count, decayed_sentiment FROM news_sentiment
WHERE session_date BETWEEN $first AND $last AND method = $method AND as_of <= $as_of
ORDER BY ticker, session_date
