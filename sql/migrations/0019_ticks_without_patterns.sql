-- The symbol of a tick is checked once per stretch by its store and by a check of the asset, not on every row:
-- matching a pattern on each of millions of equal symbols took an eighth of an import.

CREATE TABLE market_ticks_then AS SELECT * FROM market_ticks;
DROP TABLE market_ticks;
CREATE TABLE market_ticks (
    instrument   VARCHAR     NOT NULL CHECK (instrument <> ''),
    session_date DATE        NOT NULL,
    ts           TIMESTAMPTZ NOT NULL,
    sequence     INTEGER     NOT NULL CHECK (sequence >= 0),
    bid          DOUBLE      CHECK (bid > 0),
    ask          DOUBLE      CHECK (ask > 0),
    last         DOUBLE      CHECK (last > 0),
    size         DOUBLE      CHECK (size >= 0),
    bid_size     DOUBLE      CHECK (bid_size >= 0),
    ask_size     DOUBLE      CHECK (ask_size >= 0),
    source_file  VARCHAR     NOT NULL,
    source_line  BIGINT      NOT NULL CHECK (source_line > 0),
    CHECK (bid IS NULL OR ask IS NULL OR ask >= bid),
    CHECK (bid IS NOT NULL OR ask IS NOT NULL OR last IS NOT NULL)
);
INSERT INTO market_ticks BY NAME SELECT * FROM market_ticks_then;
DROP TABLE market_ticks_then;
COMMENT ON TABLE market_ticks IS 'One row per quote or trade, as its file has it; key: instrument, ts, sequence. It has no index, which would cost more than all else; the import keeps the key unique and a check proves it.';
COMMENT ON COLUMN market_ticks.instrument IS 'Symbol of what is traded, as the declaration of its files names it.';
COMMENT ON COLUMN market_ticks.session_date IS 'Session whose cut-off first admits the tick.';
COMMENT ON COLUMN market_ticks.ts IS 'When it happened; the world could know it from then on.';
COMMENT ON COLUMN market_ticks.sequence IS 'Order among the ticks of one instant, as in the file: even for trades, odd for quotes, so that both may stand side by side.';
COMMENT ON COLUMN market_ticks.bid IS 'Best bid; null for a trade, and where a quote updates the other side only.';
COMMENT ON COLUMN market_ticks.ask IS 'Best ask; null for a trade, and where a quote updates the other side only.';
COMMENT ON COLUMN market_ticks.last IS 'Price of a trade; null for a quote.';
COMMENT ON COLUMN market_ticks.size IS 'Quantity of a trade; null where the file has none.';
COMMENT ON COLUMN market_ticks.bid_size IS 'Quantity at the bid; null where the file has none.';
COMMENT ON COLUMN market_ticks.ask_size IS 'Quantity at the ask; null where the file has none.';
COMMENT ON COLUMN market_ticks.source_file IS 'File, relative to the folder of ticks, and its member where it is an archive.';
COMMENT ON COLUMN market_ticks.source_line IS 'Line of the file, from 1; the record, where the file is binary.';
