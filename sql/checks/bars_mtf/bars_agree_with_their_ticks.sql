-- blocking: every bar of trades or quotes lies between the lowest and the highest tick of its time, and no bar overlaps the next
SELECT instrument, timeframe, bar_start, bar_end, next_start
FROM (
    SELECT instrument, timeframe, bar_start, bar_end, session_date,
        lead(bar_start) OVER (PARTITION BY instrument, timeframe ORDER BY bar_start) AS next_start
    FROM bars_mtf
)
WHERE session_date BETWEEN $first AND $last AND bar_end > next_start
UNION ALL
SELECT bar.instrument, bar.timeframe, bar.bar_start, bar.bar_end, NULL
FROM bars_mtf AS bar
WHERE bar.session_date BETWEEN $first AND $last AND bar.timeframe = '1d' AND bar.price <> 'bars' AND NOT EXISTS (
    SELECT 1 FROM market_ticks AS tick
    WHERE tick.instrument = bar.instrument AND tick.ts = bar.last_ts
        AND bar.close IN (tick.last, tick.bid, tick.ask, (tick.bid + tick.ask) / 2)
)
