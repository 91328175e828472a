-- Ticker and session pairs with at least one article.
SELECT DISTINCT ticker, session_date FROM news_sentiment WHERE session_date BETWEEN $first AND $last
ORDER BY session_date, ticker
