-- blocking: bars of one interval do not overlap, and none that was forming stands in a session that is over
SELECT ticker, interval, bar_start, bar_end, next_start, is_complete
FROM (
    SELECT ticker, interval, bar_start, bar_end, session_date, is_complete, known_at,
        lead(bar_start) OVER (PARTITION BY ticker, interval ORDER BY bar_start) AS next_start
    FROM intraday_prices
)
WHERE session_date BETWEEN $first AND $last AND (bar_end > next_start OR (NOT is_complete AND known_at >= bar_end))
