-- Repairs: what was corrected by a stated rule, from what to what. The versions stand in the tables themselves.

CREATE TABLE price_repairs (
    ticker       VARCHAR     NOT NULL,
    session_date DATE        NOT NULL,
    rule         VARCHAR     NOT NULL,
    was_refused  BOOLEAN     NOT NULL,
    open_before  DOUBLE      NOT NULL,
    high_before  DOUBLE      NOT NULL,
    low_before   DOUBLE      NOT NULL,
    close_before DOUBLE      NOT NULL,
    open         DOUBLE      NOT NULL CHECK (open > 0),
    high         DOUBLE      NOT NULL,
    low          DOUBLE      NOT NULL CHECK (low > 0),
    close        DOUBLE      NOT NULL CHECK (close > 0),
    volume       BIGINT      NOT NULL CHECK (volume >= 0),
    evidence     VARCHAR     NOT NULL,
    repaired_at  TIMESTAMPTZ NOT NULL,
    run_id       VARCHAR     NOT NULL,
    PRIMARY KEY (ticker, session_date, repaired_at)
);
COMMENT ON TABLE price_repairs IS 'One row per daily bar that a rule of ingestion.repairs corrected. The bar has the source repair:<rule> and is known from repaired_at on; its old version is in market_price_revisions, or whole in quarantine where it was refused.';
COMMENT ON COLUMN price_repairs.ticker IS 'Symbol of the security.';
COMMENT ON COLUMN price_repairs.session_date IS 'Session of the bar.';
COMMENT ON COLUMN price_repairs.rule IS 'Rule of ingestion.repairs.';
COMMENT ON COLUMN price_repairs.was_refused IS 'True where the bar stood in quarantine and nothing had been believed of its session.';
COMMENT ON COLUMN price_repairs.open_before IS 'As delivered.';
COMMENT ON COLUMN price_repairs.high_before IS 'As delivered.';
COMMENT ON COLUMN price_repairs.low_before IS 'As delivered.';
COMMENT ON COLUMN price_repairs.close_before IS 'As delivered.';
COMMENT ON COLUMN price_repairs.open IS 'As repaired.';
COMMENT ON COLUMN price_repairs.high IS 'As repaired.';
COMMENT ON COLUMN price_repairs.low IS 'As repaired.';
COMMENT ON COLUMN price_repairs.close IS 'As repaired.';
COMMENT ON COLUMN price_repairs.volume IS 'Shares, as delivered: volumes are not repaired.';
COMMENT ON COLUMN price_repairs.evidence IS 'What the numbers said, for a reader.';
COMMENT ON COLUMN price_repairs.repaired_at IS 'When the repair was made.';
COMMENT ON COLUMN price_repairs.run_id IS 'Dagster run that repaired.';

CREATE TABLE action_repairs (
    ticker       VARCHAR     NOT NULL,
    ex_date      DATE        NOT NULL,
    kind         VARCHAR     NOT NULL CHECK (kind IN ('split', 'dividend')),
    rule         VARCHAR     NOT NULL,
    value_before DOUBLE      CHECK (value_before > 0),
    value_after  DOUBLE      CHECK (value_after > 0),
    evidence     VARCHAR     NOT NULL,
    repaired_at  TIMESTAMPTZ NOT NULL,
    run_id       VARCHAR     NOT NULL,
    PRIMARY KEY (ticker, ex_date, kind, repaired_at),
    CHECK (value_before IS NOT NULL OR value_after IS NOT NULL)
);
COMMENT ON TABLE action_repairs IS 'One row per corporate action that a rule of ingestion.repairs corrected, added or took back; its old version is in corporate_action_revisions.';
COMMENT ON COLUMN action_repairs.ticker IS 'Symbol of the security.';
COMMENT ON COLUMN action_repairs.ex_date IS 'Ex-date of the action.';
COMMENT ON COLUMN action_repairs.kind IS 'split or dividend.';
COMMENT ON COLUMN action_repairs.rule IS 'Rule of ingestion.repairs.';
COMMENT ON COLUMN action_repairs.value_before IS 'Split ratio or US dollars per share as stated; null for an action that was added.';
COMMENT ON COLUMN action_repairs.value_after IS 'The same as repaired; null for an action that was taken back.';
COMMENT ON COLUMN action_repairs.evidence IS 'What the numbers said, for a reader.';
COMMENT ON COLUMN action_repairs.repaired_at IS 'When the repair was made.';
COMMENT ON COLUMN action_repairs.run_id IS 'Dagster run that repaired.';
