-- Bars within the day, from files and from providers.

CREATE TABLE intraday_prices (
    ticker              VARCHAR     NOT NULL,
    interval            VARCHAR     NOT NULL CHECK (regexp_full_match(interval, '[1-9][0-9]{0,4}[smh]')),
    bar_start           TIMESTAMPTZ NOT NULL,
    bar_end             TIMESTAMPTZ NOT NULL,
    session_date        DATE        NOT NULL,
    open                DOUBLE      NOT NULL CHECK (open > 0),
    high                DOUBLE      NOT NULL,
    low                 DOUBLE      NOT NULL CHECK (low > 0),
    close               DOUBLE      NOT NULL CHECK (close > 0),
    volume              DOUBLE      CHECK (volume >= 0),
    is_complete         BOOLEAN     NOT NULL,
    hours               VARCHAR     NOT NULL CHECK (hours IN ('exchange', 'extended', 'fx', 'utc')),
    source              VARCHAR     NOT NULL,
    source_file         VARCHAR,
    source_line         BIGINT      CHECK (source_line > 0),
    known_at            TIMESTAMPTZ NOT NULL,
    known_at_is_assumed BOOLEAN     NOT NULL,
    run_id              VARCHAR     NOT NULL,
    PRIMARY KEY (ticker, interval, bar_start),
    CHECK (bar_end > bar_start),
    CHECK (high >= greatest(open, close, low)),
    CHECK (low <= least(open, close, high)),
    CHECK (NOT is_complete OR known_at >= bar_end)
);
COMMENT ON TABLE intraday_prices IS 'One row per instrument, interval and bar within the day, as its source has it: as traded, unadjusted.';
COMMENT ON COLUMN intraday_prices.ticker IS 'Symbol of the instrument.';
COMMENT ON COLUMN intraday_prices.interval IS 'Length of the bar: seconds (s), minutes (m) or hours (h).';
COMMENT ON COLUMN intraday_prices.bar_start IS 'First instant of the bar.';
COMMENT ON COLUMN intraday_prices.bar_end IS 'First instant after it.';
COMMENT ON COLUMN intraday_prices.session_date IS 'Session whose cut-off first admits bar_end: the first that may use the bar.';
COMMENT ON COLUMN intraday_prices.open IS 'First price.';
COMMENT ON COLUMN intraday_prices.high IS 'Highest price.';
COMMENT ON COLUMN intraday_prices.low IS 'Lowest price.';
COMMENT ON COLUMN intraday_prices.close IS 'Last price; the newest one while is_complete is false.';
COMMENT ON COLUMN intraday_prices.volume IS 'Quantity traded; null where the source has none.';
COMMENT ON COLUMN intraday_prices.is_complete IS 'Whether the bar had ended when it was fetched.';
COMMENT ON COLUMN intraday_prices.hours IS 'When the instrument trades, as declared: sessions, extended sessions, fx days or days of UTC.';
COMMENT ON COLUMN intraday_prices.source IS 'Provider, or format of the file.';
COMMENT ON COLUMN intraday_prices.source_file IS 'File, relative to the folder; null for a provider.';
COMMENT ON COLUMN intraday_prices.source_line IS 'Line of the file, from 1; null for a provider.';
COMMENT ON COLUMN intraday_prices.known_at IS 'When this bar was learned; for history loaded later, its end.';
COMMENT ON COLUMN intraday_prices.known_at_is_assumed IS 'True for history loaded after the fact.';
COMMENT ON COLUMN intraday_prices.run_id IS 'Dagster run that wrote the row.';
