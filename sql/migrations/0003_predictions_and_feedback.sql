-- The prediction ledger, what came of it, and what was learned.

CREATE TABLE strategic_priorities (
    ticker       VARCHAR     NOT NULL,
    session_date DATE        NOT NULL,
    tier         VARCHAR     NOT NULL CHECK (tier IN ('core', 'active', 'watch')),
    score        DOUBLE      NOT NULL CHECK (score BETWEEN 0 AND 1),
    rationale    VARCHAR     NOT NULL,
    factors      JSON        NOT NULL,
    as_of        TIMESTAMPTZ NOT NULL,
    run_id       VARCHAR     NOT NULL,
    PRIMARY KEY (ticker, session_date)
);
COMMENT ON TABLE strategic_priorities IS 'One row per ticker of the universe and session: how much attention it deserves, and why.';

CREATE TABLE predictions (
    prediction_id       VARCHAR     NOT NULL PRIMARY KEY,
    scenario_id         VARCHAR     NOT NULL CHECK (scenario_id <> ''),
    ticker              VARCHAR     NOT NULL,
    session_date        DATE        NOT NULL,
    horizon_sessions    INTEGER     NOT NULL CHECK (horizon_sessions > 0),
    target_session_date DATE        NOT NULL,
    model_id            VARCHAR,
    window_id           VARCHAR,
    direction           VARCHAR     CHECK (direction IN ('up', 'down')),
    probability_up      DOUBLE      CHECK (probability_up BETWEEN 0 AND 1),
    raw_probability_up  DOUBLE      CHECK (raw_probability_up BETWEEN 0 AND 1),
    expected_log_return DOUBLE,
    lower_log_return    DOUBLE,
    upper_log_return    DOUBLE,
    volatility          DOUBLE      CHECK (volatility > 0),
    interval_coverage   DOUBLE      NOT NULL CHECK (interval_coverage > 0 AND interval_coverage < 1),
    ensemble            JSON        NOT NULL,
    adjustments         JSON        NOT NULL,
    abstained           BOOLEAN     NOT NULL,
    abstain_reason      VARCHAR,
    as_of               TIMESTAMPTZ NOT NULL,
    inputs_known_until  TIMESTAMPTZ NOT NULL,
    issued_at           TIMESTAMPTZ NOT NULL,
    origin              VARCHAR     NOT NULL CHECK (origin IN ('live', 'backfill')),
    run_id              VARCHAR     NOT NULL,
    CHECK (target_session_date > session_date),
    CHECK (abstained = (abstain_reason IS NOT NULL)),
    CHECK (abstained OR (probability_up IS NOT NULL AND lower_log_return IS NOT NULL AND upper_log_return IS NOT NULL
                         AND model_id IS NOT NULL AND window_id IS NOT NULL)),
    CHECK (lower_log_return <= expected_log_return AND expected_log_return <= upper_log_return),
    CHECK (inputs_known_until <= as_of)
);
COMMENT ON TABLE predictions IS 'Append-only ledger: one row per ticker, session, horizon, model and window. An abstention is a row that says why.';
COMMENT ON COLUMN predictions.raw_probability_up IS 'Ensemble probability before calibration.';
COMMENT ON COLUMN predictions.volatility IS 'Forecast standard deviation of the log return over the horizon, from trailing sessions.';
COMMENT ON COLUMN predictions.inputs_known_until IS 'Newest known_at among all inputs: data time, never the clock of a backfill.';
COMMENT ON COLUMN predictions.origin IS 'live if issued before the next open, else backfill.';

CREATE VIEW predictions_latest AS
    SELECT * EXCLUDE (recency) FROM (
        SELECT *, row_number() OVER (PARTITION BY scenario_id, ticker, session_date, horizon_sessions
                                     ORDER BY issued_at DESC, prediction_id) AS recency
        FROM predictions)
    WHERE recency = 1;

CREATE TABLE prediction_accuracy (
    prediction_id       VARCHAR     NOT NULL PRIMARY KEY,
    scenario_id         VARCHAR     NOT NULL,
    ticker              VARCHAR     NOT NULL,
    session_date        DATE        NOT NULL,
    target_session_date DATE        NOT NULL,
    realised_log_return DOUBLE      NOT NULL,
    realised_direction  VARCHAR     NOT NULL CHECK (realised_direction IN ('up', 'down', 'flat')),
    is_correct          BOOLEAN     NOT NULL,
    brier_score         DOUBLE      NOT NULL CHECK (brier_score BETWEEN 0 AND 1),
    log_loss            DOUBLE      NOT NULL CHECK (log_loss >= 0),
    is_inside_interval  BOOLEAN     NOT NULL,
    surprise_z          DOUBLE      NOT NULL,
    price_known_at      TIMESTAMPTZ NOT NULL,
    as_of               TIMESTAMPTZ NOT NULL,
    validated_at        TIMESTAMPTZ NOT NULL,
    run_id              VARCHAR     NOT NULL
);
COMMENT ON TABLE prediction_accuracy IS 'One row per prediction that did not abstain and whose target session has closed; prices known by that cut-off.';

CREATE TABLE feedback_metrics (
    session_date   DATE        NOT NULL,
    scope          VARCHAR     NOT NULL,
    metric         VARCHAR     NOT NULL,
    value          DOUBLE      NOT NULL,
    lower          DOUBLE      NOT NULL,
    upper          DOUBLE      NOT NULL,
    n              INTEGER     NOT NULL CHECK (n > 0),
    n_sessions     INTEGER     NOT NULL CHECK (n_sessions > 0),
    baseline_value DOUBLE      NOT NULL,
    status         VARCHAR     NOT NULL CHECK (status IN ('better', 'indistinct', 'worse')),
    details        JSON        NOT NULL,
    as_of          TIMESTAMPTZ NOT NULL,
    run_id         VARCHAR     NOT NULL,
    PRIMARY KEY (session_date, scope, metric)
);
COMMENT ON TABLE feedback_metrics IS 'One row per session, scope and metric over the trailing window of matured predictions, with a day-clustered interval and its naive baseline.';

CREATE TABLE learning_insights (
    insight_id       VARCHAR     NOT NULL PRIMARY KEY,
    session_date     DATE        NOT NULL,
    scope            VARCHAR     NOT NULL,
    hypothesis       VARCHAR     NOT NULL,
    evidence         JSON        NOT NULL,
    effect           DOUBLE      NOT NULL,
    p_value          DOUBLE      NOT NULL CHECK (p_value BETWEEN 0 AND 1),
    q_value          DOUBLE      NOT NULL CHECK (q_value BETWEEN 0 AND 1),
    n                INTEGER     NOT NULL CHECK (n > 0),
    suggested_action VARCHAR     NOT NULL,
    as_of            TIMESTAMPTZ NOT NULL,
    run_id           VARCHAR     NOT NULL
);
COMMENT ON TABLE learning_insights IS 'One row per finding about where the predictions are wrong, with effect and corrected p-value.';

CREATE TABLE retrain_signals (
    signal_id            VARCHAR     NOT NULL PRIMARY KEY,
    session_date         DATE        NOT NULL,
    ticker               VARCHAR,
    reason               VARCHAR     NOT NULL,
    confidence           DOUBLE      NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    window_start         DATE        NOT NULL,
    window_end           DATE        NOT NULL,
    status               VARCHAR     NOT NULL CHECK (status IN ('open', 'answered', 'expired')),
    answered_by_model_id VARCHAR,
    as_of                TIMESTAMPTZ NOT NULL,
    run_id               VARCHAR     NOT NULL,
    CHECK (window_start <= window_end)
);
COMMENT ON TABLE retrain_signals IS 'One row per request to retrain, for a ticker or (null) the universe.';

CREATE TABLE bias_flags (
    session_date DATE        NOT NULL,
    scope        VARCHAR     NOT NULL,
    kind         VARCHAR     NOT NULL,
    value        DOUBLE      NOT NULL,
    threshold    DOUBLE      NOT NULL,
    since        DATE        NOT NULL,
    as_of        TIMESTAMPTZ NOT NULL,
    run_id       VARCHAR     NOT NULL,
    PRIMARY KEY (session_date, scope, kind)
);
COMMENT ON TABLE bias_flags IS 'One row per session, scope and kind of standing bias beyond its threshold.';
