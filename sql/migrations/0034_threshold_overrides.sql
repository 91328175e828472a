-- Thresholds that a person has overridden, from a later session on.

CREATE TABLE threshold_overrides (
    override_id    VARCHAR     NOT NULL PRIMARY KEY,
    scenario_id    VARCHAR     NOT NULL CHECK (scenario_id <> ''),
    threshold      VARCHAR     NOT NULL CHECK (threshold <> ''),
    value          DOUBLE,
    decided_after  DATE        NOT NULL,
    effective_from DATE        NOT NULL,
    reason         VARCHAR     NOT NULL CHECK (reason <> ''),
    author         VARCHAR     NOT NULL CHECK (author <> ''),
    created_at     TIMESTAMPTZ NOT NULL,
    run_id         VARCHAR     NOT NULL,
    CHECK (decided_after < effective_from)
);
COMMENT ON TABLE threshold_overrides IS 'One row per decision of a person about a threshold, with the session from which it holds. Rows are only added; a later one ends it.';
COMMENT ON COLUMN threshold_overrides.override_id IS 'Hash of what the row says.';
COMMENT ON COLUMN threshold_overrides.scenario_id IS 'The set of settings whose threshold it is.';
COMMENT ON COLUMN threshold_overrides.threshold IS 'Which one: prediction.maximum_dissimilarity, humility.worst_brier_skill, humility.doubtful_scale or humility.min_return_to_width.';
COMMENT ON COLUMN threshold_overrides.value IS 'What holds instead of the settings; null: the settings hold again.';
COMMENT ON COLUMN threshold_overrides.decided_after IS 'Newest session that had been decided when the row was written.';
COMMENT ON COLUMN threshold_overrides.effective_from IS 'First session that it holds for, later than that.';
COMMENT ON COLUMN threshold_overrides.reason IS 'Why, in words.';
COMMENT ON COLUMN threshold_overrides.author IS 'Who decided.';
COMMENT ON COLUMN threshold_overrides.created_at IS 'Wall clock of the decision.';
COMMENT ON COLUMN threshold_overrides.run_id IS 'Dagster run, or command, that wrote the row.';
