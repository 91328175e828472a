-- blocking: no two ticks of an instrument share their instant and their place in it
SELECT instrument, session_date, ts, sequence, count(*) AS rows_with_this_key
FROM market_ticks
WHERE session_date BETWEEN $first AND $last
GROUP BY ALL
HAVING count(*) > 1
