-- What was learned from matured predictions, as dated rows: learned at one session, in effect from a later one on.

CREATE TABLE calibration_adjustments (
    adjustment_id      VARCHAR     NOT NULL PRIMARY KEY,
    scenario_id        VARCHAR     NOT NULL CHECK (scenario_id <> ''),
    kind               VARCHAR     NOT NULL CHECK (kind IN ('calibration', 'bounds', 'widths')),
    scope              VARCHAR     NOT NULL CHECK (scope <> ''),
    learned_from       DATE        NOT NULL,
    effective_from     DATE        NOT NULL,
    parameters         JSON        NOT NULL,
    n                  INTEGER     NOT NULL CHECK (n > 0),
    n_sessions         INTEGER     NOT NULL CHECK (n_sessions > 0),
    first_session      DATE        NOT NULL,
    last_session       DATE        NOT NULL,
    reason             VARCHAR     NOT NULL CHECK (reason <> ''),
    as_of              TIMESTAMPTZ NOT NULL,
    inputs_known_until TIMESTAMPTZ NOT NULL,
    run_id             VARCHAR     NOT NULL,
    CHECK (learned_from < effective_from),
    CHECK (first_session <= last_session AND last_session < learned_from),
    CHECK (inputs_known_until <= as_of)
);
COMMENT ON TABLE calibration_adjustments IS 'One row per session and kind of adjustment: what was learned from the predictions that had matured at an earlier session. Rows are only added; predictions.adjustments names those that were applied.';
COMMENT ON COLUMN calibration_adjustments.adjustment_id IS 'Hash of what the row says.';
COMMENT ON COLUMN calibration_adjustments.scenario_id IS 'The set of settings that produced the row.';
COMMENT ON COLUMN calibration_adjustments.kind IS 'calibration: temperature and bias of the log odds. bounds: quantiles of the errors in units of their expected size. widths: that size by ticker.';
COMMENT ON COLUMN calibration_adjustments.scope IS 'Whose predictions it adjusts: all.';
COMMENT ON COLUMN calibration_adjustments.learned_from IS 'Session at whose close the newest outcome behind it was known.';
COMMENT ON COLUMN calibration_adjustments.effective_from IS 'Session that it is applied to, later than that; the next one has adjustments of its own.';
COMMENT ON COLUMN calibration_adjustments.parameters IS 'Its values. Of widths, by ticker: number of matured predictions, sum of the logarithms of their volatilities, width of the errors beside all tickers.';
COMMENT ON COLUMN calibration_adjustments.n IS 'Matured predictions that it rests on.';
COMMENT ON COLUMN calibration_adjustments.n_sessions IS 'Sessions that they were made at.';
COMMENT ON COLUMN calibration_adjustments.first_session IS 'First of these sessions.';
COMMENT ON COLUMN calibration_adjustments.last_session IS 'Last of these sessions.';
COMMENT ON COLUMN calibration_adjustments.reason IS 'Why, in words and figures.';
COMMENT ON COLUMN calibration_adjustments.as_of IS 'Knowledge cut-off of the row: nothing known later went into it.';
COMMENT ON COLUMN calibration_adjustments.inputs_known_until IS 'When the newest price behind it was learned.';
COMMENT ON COLUMN calibration_adjustments.run_id IS 'Dagster run that wrote the row.';
