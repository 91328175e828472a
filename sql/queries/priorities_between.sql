-- Strategic priorities of sessions between two days.
SELECT session_date, ticker, score FROM strategic_priorities WHERE session_date BETWEEN $first AND $last
ORDER BY session_date, ticker
