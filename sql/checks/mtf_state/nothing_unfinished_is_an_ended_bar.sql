-- blocking: the ended bar of a state is the newest complete bar that ended by its cut-off, value for value
SELECT state.instrument, state.timeframe, state.session_date, state.bar_start, bar.bar_start AS newest_start
FROM mtf_state AS state
LEFT JOIN bars_mtf AS bar
    ON bar.instrument = state.instrument AND bar.timeframe = state.timeframe AND bar.bar_start = (
        SELECT max(other.bar_start) FROM bars_mtf AS other
        WHERE other.instrument = state.instrument AND other.timeframe = state.timeframe
            AND other.bar_end <= state.as_of
    )
WHERE state.session_date BETWEEN $first AND $last
    AND ((state.bar_start, state.open, state.high, state.low, state.close, state.tick_count)
        IS DISTINCT FROM (bar.bar_start, bar.open, bar.high, bar.low, bar.close, bar.tick_count))
