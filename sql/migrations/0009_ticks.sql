-- Ticks: what happened within the day, one row each, and which lines of which files they came from.

CREATE TABLE market_ticks (
    instrument   VARCHAR     NOT NULL CHECK (regexp_full_match(instrument, '[A-Z0-9][A-Z0-9.\-^=]{0,15}')),
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

CREATE TABLE tick_imports (
    file_sha256      VARCHAR     NOT NULL,
    member           VARCHAR     NOT NULL,
    instrument       VARCHAR     NOT NULL,
    first_line       BIGINT      NOT NULL CHECK (first_line > 0),
    settled_from     DATE        NOT NULL,
    last_line        BIGINT      NOT NULL,
    settled_to       DATE        NOT NULL,
    first_session    DATE,
    last_session     DATE,
    is_end           BOOLEAN     NOT NULL,
    carried_ts       TIMESTAMPTZ,
    carried_sequence INTEGER     NOT NULL CHECK (carried_sequence >= 0),
    rows_accepted    BIGINT      NOT NULL CHECK (rows_accepted >= 0),
    rows_quarantined BIGINT      NOT NULL CHECK (rows_quarantined >= 0),
    rows_held        BIGINT      NOT NULL CHECK (rows_held >= 0),
    source           VARCHAR     NOT NULL,
    source_file      VARCHAR     NOT NULL,
    imported_at      TIMESTAMPTZ NOT NULL,
    run_id           VARCHAR     NOT NULL,
    PRIMARY KEY (file_sha256, member, instrument, first_line, last_line, settled_from, settled_to),
    CHECK (last_line >= first_line - 1),
    CHECK (settled_to >= settled_from)
);
COMMENT ON TABLE tick_imports IS 'One row per stretch of lines whose ticks of some sessions are settled: in market_ticks, in quarantine, or held from another file. Written in the transaction of those rows.';
COMMENT ON COLUMN tick_imports.file_sha256 IS 'Hash of the content of the file: the same content under another name is the same file.';
COMMENT ON COLUMN tick_imports.member IS 'Member of the archive; empty where the file is none.';
COMMENT ON COLUMN tick_imports.instrument IS 'Instrument that the declaration names.';
COMMENT ON COLUMN tick_imports.first_line IS 'First line of the stretch, from 1.';
COMMENT ON COLUMN tick_imports.last_line IS 'Last line of the stretch.';
COMMENT ON COLUMN tick_imports.settled_from IS 'First session whose ticks in the stretch are settled.';
COMMENT ON COLUMN tick_imports.settled_to IS 'Last session whose ticks in the stretch are settled.';
COMMENT ON COLUMN tick_imports.first_session IS 'First session that occurs in the stretch; null when none does.';
COMMENT ON COLUMN tick_imports.last_session IS 'Last session that occurs in the stretch; null when none does.';
COMMENT ON COLUMN tick_imports.is_end IS 'True when the file ends with the stretch.';
COMMENT ON COLUMN tick_imports.carried_ts IS 'Latest accepted instant up to the end of the stretch: an earlier one after it is out of order.';
COMMENT ON COLUMN tick_imports.carried_sequence IS 'Ticks at that instant so far.';
COMMENT ON COLUMN tick_imports.rows_accepted IS 'Rows that went into market_ticks.';
COMMENT ON COLUMN tick_imports.rows_quarantined IS 'Rows that went into quarantine.';
COMMENT ON COLUMN tick_imports.rows_held IS 'Rows that were there already, from another file with the same ticks.';
COMMENT ON COLUMN tick_imports.source IS 'Format that the declaration names.';
COMMENT ON COLUMN tick_imports.source_file IS 'File, relative to the folder of ticks, when it was imported.';
COMMENT ON COLUMN tick_imports.imported_at IS 'Wall clock of the import: when we learned these ticks.';
COMMENT ON COLUMN tick_imports.run_id IS 'Dagster run that wrote the row.';
