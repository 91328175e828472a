-- Drift of what goes into predictions and of what comes out, with a bound on false alarms.

CREATE TABLE drift_metrics (
    session_date    DATE        NOT NULL,
    kind            VARCHAR     NOT NULL CHECK (kind IN ('input', 'output')),
    name            VARCHAR     NOT NULL,
    measure         VARCHAR     NOT NULL CHECK (measure IN ('level', 'spread')),
    value           DOUBLE      NOT NULL,
    reference_value DOUBLE      NOT NULL,
    standard_error  DOUBLE      NOT NULL CHECK (standard_error > 0),
    p_value         DOUBLE      NOT NULL CHECK (p_value BETWEEN 0 AND 1),
    q_value         DOUBLE      NOT NULL CHECK (q_value BETWEEN 0 AND 1),
    is_drift        BOOLEAN     NOT NULL,
    n               INTEGER     NOT NULL CHECK (n > 0),
    n_blocks        INTEGER     NOT NULL CHECK (n_blocks > 1),
    window_start    DATE        NOT NULL,
    reference_start DATE        NOT NULL,
    as_of           TIMESTAMPTZ NOT NULL,
    run_id          VARCHAR     NOT NULL,
    PRIMARY KEY (session_date, kind, name, measure),
    CHECK (reference_start < window_start AND window_start <= session_date)
);
COMMENT ON TABLE drift_metrics IS 'One row per month end, input or output and measure: the newest stretch of sessions beside the stretches before it.';
COMMENT ON COLUMN drift_metrics.session_date IS 'Exchange session: the last of the newest stretch.';
COMMENT ON COLUMN drift_metrics.kind IS 'input: a feature of the vectors that were predicted from; output: a probability that was said.';
COMMENT ON COLUMN drift_metrics.name IS 'Feature or output.';
COMMENT ON COLUMN drift_metrics.measure IS 'level: mean of all values; spread: logarithm of their root mean square distance from the mean of the reference.';
COMMENT ON COLUMN drift_metrics.value IS 'Of the newest stretch.';
COMMENT ON COLUMN drift_metrics.reference_value IS 'Mean over the stretches before it.';
COMMENT ON COLUMN drift_metrics.standard_error IS 'Of the difference, from how those stretches differ among themselves.';
COMMENT ON COLUMN drift_metrics.p_value IS 'Probability of such a difference by chance, two-sided.';
COMMENT ON COLUMN drift_metrics.q_value IS 'p-value corrected for all names and measures of its kind and session.';
COMMENT ON COLUMN drift_metrics.is_drift IS 'Whether the q-value is not above feedback.drift_false_alarms.';
COMMENT ON COLUMN drift_metrics.n IS 'Values of the newest stretch.';
COMMENT ON COLUMN drift_metrics.n_blocks IS 'Stretches that it is compared with.';
COMMENT ON COLUMN drift_metrics.window_start IS 'First session of the newest stretch.';
COMMENT ON COLUMN drift_metrics.reference_start IS 'First session of the oldest stretch.';
COMMENT ON COLUMN drift_metrics.as_of IS 'Knowledge cut-off of the row: nothing known later went into it.';
COMMENT ON COLUMN drift_metrics.run_id IS 'Dagster run that wrote the row.';
