-- Bars of several timeframes from ticks or intraday bars, and how they stood at each cut-off.

CREATE TABLE bars_mtf (
    instrument   VARCHAR     NOT NULL,
    timeframe    VARCHAR     NOT NULL CHECK (regexp_full_match(timeframe, '[1-9][0-9]{0,4}[smh]|1d|1w')),
    bar_start    TIMESTAMPTZ NOT NULL,
    bar_end      TIMESTAMPTZ NOT NULL,
    session_date DATE        NOT NULL,
    open         DOUBLE      NOT NULL CHECK (open > 0),
    high         DOUBLE      NOT NULL,
    low          DOUBLE      NOT NULL CHECK (low > 0),
    close        DOUBLE      NOT NULL CHECK (close > 0),
    volume       DOUBLE      CHECK (volume >= 0),
    tick_count   BIGINT      NOT NULL CHECK (tick_count > 0),
    first_ts     TIMESTAMPTZ NOT NULL,
    last_ts      TIMESTAMPTZ NOT NULL,
    price        VARCHAR     NOT NULL CHECK (price IN ('last', 'mid', 'bid', 'ask', 'bars')),
    is_complete  BOOLEAN     NOT NULL,
    as_of        TIMESTAMPTZ NOT NULL,
    run_id       VARCHAR     NOT NULL,
    PRIMARY KEY (instrument, timeframe, bar_start),
    CHECK (bar_end > bar_start),
    CHECK (high >= greatest(open, close, low)),
    CHECK (low <= least(open, close, high)),
    CHECK (first_ts >= bar_start AND last_ts >= first_ts AND last_ts <= bar_end),
    CHECK (is_complete = (bar_end <= as_of))
);
COMMENT ON TABLE bars_mtf IS 'One row per instrument, timeframe and bar that had a tick, in the session whose cut-off first admits its end.';
COMMENT ON COLUMN bars_mtf.instrument IS 'Symbol of what is traded.';
COMMENT ON COLUMN bars_mtf.timeframe IS 'Length of the bar: seconds (s), minutes (m), hours (h), 1d or 1w.';
COMMENT ON COLUMN bars_mtf.bar_start IS 'First instant of the bar; bars of a day are counted from the beginning of the market day.';
COMMENT ON COLUMN bars_mtf.bar_end IS 'First instant after the bar; no bar reaches over the end of its market day or week.';
COMMENT ON COLUMN bars_mtf.session_date IS 'Session whose cut-off first admits bar_end: the first that may use the bar.';
COMMENT ON COLUMN bars_mtf.open IS 'First price.';
COMMENT ON COLUMN bars_mtf.high IS 'Highest price.';
COMMENT ON COLUMN bars_mtf.low IS 'Lowest price.';
COMMENT ON COLUMN bars_mtf.close IS 'Last price.';
COMMENT ON COLUMN bars_mtf.volume IS 'Sum of the sizes of the trades; null where prices are quotes or sizes are not known.';
COMMENT ON COLUMN bars_mtf.tick_count IS 'Ticks, or smaller bars, that made the bar.';
COMMENT ON COLUMN bars_mtf.first_ts IS 'Instant of its first tick.';
COMMENT ON COLUMN bars_mtf.last_ts IS 'Instant of its last tick.';
COMMENT ON COLUMN bars_mtf.price IS 'What it is built of: trades (last), quotes (mid, bid, ask) or intraday bars.';
COMMENT ON COLUMN bars_mtf.is_complete IS 'Whether it had ended by as_of; false only in a run before the cut-off of its session.';
COMMENT ON COLUMN bars_mtf.as_of IS 'Knowledge cut-off of the row: no later tick went into it.';
COMMENT ON COLUMN bars_mtf.run_id IS 'Dagster run that wrote the row.';

CREATE MACRO bars_mtf_completed_at(moment) AS TABLE
    SELECT * FROM bars_mtf
    WHERE bar_end <= moment AND is_complete
    QUALIFY row_number() OVER (PARTITION BY instrument, timeframe ORDER BY bar_start DESC) = 1;

CREATE TABLE mtf_state (
    instrument         VARCHAR     NOT NULL,
    timeframe          VARCHAR     NOT NULL,
    session_date       DATE        NOT NULL,
    as_of              TIMESTAMPTZ NOT NULL,
    bar_start          TIMESTAMPTZ,
    bar_end            TIMESTAMPTZ,
    open               DOUBLE,
    high               DOUBLE,
    low                DOUBLE,
    close              DOUBLE,
    volume             DOUBLE,
    tick_count         BIGINT,
    forming_start      TIMESTAMPTZ,
    forming_end        TIMESTAMPTZ,
    forming_open       DOUBLE,
    forming_high       DOUBLE,
    forming_low        DOUBLE,
    forming_close      DOUBLE,
    forming_volume     DOUBLE,
    forming_tick_count BIGINT,
    run_id             VARCHAR     NOT NULL,
    PRIMARY KEY (instrument, timeframe, session_date),
    CHECK (bar_end IS NULL OR bar_end <= as_of),
    CHECK (forming_start IS NULL OR (forming_start <= as_of AND forming_end > as_of)),
    CHECK (bar_start IS NOT NULL OR forming_start IS NOT NULL)
);
COMMENT ON TABLE mtf_state IS 'One row per instrument, timeframe and session: at its cut-off, the last bar that had ended and, apart from it, the one that was forming.';
COMMENT ON COLUMN mtf_state.instrument IS 'Symbol of what is traded.';
COMMENT ON COLUMN mtf_state.timeframe IS 'Length of the bar: seconds (s), minutes (m), hours (h), 1d or 1w.';
COMMENT ON COLUMN mtf_state.session_date IS 'Exchange session.';
COMMENT ON COLUMN mtf_state.as_of IS 'Knowledge cut-off of the session: no later tick went in.';
COMMENT ON COLUMN mtf_state.bar_start IS 'Start of the last bar that had ended; null before the first one.';
COMMENT ON COLUMN mtf_state.bar_end IS 'Its end, not after as_of.';
COMMENT ON COLUMN mtf_state.open IS 'Its first price.';
COMMENT ON COLUMN mtf_state.high IS 'Its highest price.';
COMMENT ON COLUMN mtf_state.low IS 'Its lowest price.';
COMMENT ON COLUMN mtf_state.close IS 'Its last price.';
COMMENT ON COLUMN mtf_state.volume IS 'Its volume; null where sizes are not known.';
COMMENT ON COLUMN mtf_state.tick_count IS 'Its ticks.';
COMMENT ON COLUMN mtf_state.forming_start IS 'Start of the bar that was forming; null where none had a tick yet.';
COMMENT ON COLUMN mtf_state.forming_end IS 'When it was to end, after as_of.';
COMMENT ON COLUMN mtf_state.forming_open IS 'First price of the forming bar.';
COMMENT ON COLUMN mtf_state.forming_high IS 'Highest price so far.';
COMMENT ON COLUMN mtf_state.forming_low IS 'Lowest price so far.';
COMMENT ON COLUMN mtf_state.forming_close IS 'Newest price: not a close.';
COMMENT ON COLUMN mtf_state.forming_volume IS 'Volume so far; null where sizes are not known.';
COMMENT ON COLUMN mtf_state.forming_tick_count IS 'Ticks so far.';
COMMENT ON COLUMN mtf_state.run_id IS 'Dagster run that wrote the row.';
