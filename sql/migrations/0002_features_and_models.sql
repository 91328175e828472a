-- Feature vectors, their definitions and provenance; trained models and when each was live.

CREATE TABLE feature_sets (
    feature_set_id    VARCHAR     NOT NULL PRIMARY KEY,
    names             VARCHAR[]   NOT NULL CHECK (len(names) > 0),
    definitions       JSON        NOT NULL,
    lookback_sessions INTEGER     NOT NULL CHECK (lookback_sessions > 0),
    warmup_sessions   INTEGER     NOT NULL CHECK (warmup_sessions >= 0),
    code_version      VARCHAR     NOT NULL,
    created_at        TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE feature_sets IS 'One row per definition of a feature vector; the id is a hash of what defines the values.';

CREATE TABLE feature_windows (
    ticker             VARCHAR     NOT NULL,
    session_date       DATE        NOT NULL,
    feature_set_id     VARCHAR     NOT NULL,
    window_id          VARCHAR     NOT NULL,
    "values"           FLOAT[]     NOT NULL,
    first_session_date DATE        NOT NULL,
    first_raw_session_date DATE    NOT NULL,
    lookback_sessions  INTEGER     NOT NULL CHECK (lookback_sessions > 0),
    feature_count      INTEGER     NOT NULL CHECK (feature_count > 0),
    missing_sessions   INTEGER     NOT NULL CHECK (missing_sessions >= 0),
    is_complete        BOOLEAN     NOT NULL,
    provenance_hash    VARCHAR     NOT NULL,
    as_of              TIMESTAMPTZ NOT NULL,
    inputs_known_until TIMESTAMPTZ NOT NULL,
    run_id             VARCHAR     NOT NULL,
    PRIMARY KEY (ticker, session_date, feature_set_id),
    CHECK (len("values") = feature_count),
    CHECK (inputs_known_until <= as_of)
);
COMMENT ON TABLE feature_windows IS 'One row per ticker, session and feature set: the feature vector of that session. The window ending here is the stack of the last lookback_sessions vectors.';
COMMENT ON COLUMN feature_windows."values" IS 'Feature vector in the order of feature_sets.names; null where the value cannot be known.';
COMMENT ON COLUMN feature_windows.is_complete IS 'True when every vector of the window is present and finite.';
COMMENT ON COLUMN feature_windows.missing_sessions IS 'Sessions of the window that have no vector or one with a null.';
COMMENT ON COLUMN feature_windows.provenance_hash IS 'Hash of the raw row versions between first_raw_session_date and session_date that went into the window.';
COMMENT ON COLUMN feature_windows.inputs_known_until IS 'Newest known_at among the raw rows that went in.';

CREATE MACRO feature_provenance(wanted_window_id) AS TABLE
    WITH target AS (SELECT * FROM feature_windows WHERE window_id = wanted_window_id),
    versions AS (
        SELECT ticker, session_date, known_at, NULL AS superseded_at, source, run_id FROM market_prices
        UNION ALL
        SELECT ticker, session_date, known_at, superseded_at, source, run_id FROM market_price_revisions
    )
    SELECT t.window_id, 'market_prices' AS table_name, v.ticker, v.session_date, NULL AS row_key, v.known_at, v.source, v.run_id
    FROM target t JOIN versions v ON v.ticker = t.ticker
        AND v.session_date BETWEEN t.first_raw_session_date AND t.session_date
        AND v.known_at <= t.as_of AND (v.superseded_at IS NULL OR v.superseded_at > t.as_of)
    UNION ALL
    SELECT t.window_id, 'corporate_actions', c.ticker, c.ex_date, c.kind, c.known_at, c.source, c.run_id
    FROM target t JOIN corporate_actions c ON c.ticker = t.ticker
        AND c.ex_date BETWEEN t.first_raw_session_date AND t.session_date AND c.known_at <= t.as_of
    UNION ALL
    SELECT t.window_id, 'news_articles', t.ticker, n.session_date, n.article_id, n.first_seen_at, n.source, n.run_id
    FROM target t JOIN news_articles n ON list_contains(n.tickers, t.ticker)
        AND n.session_date BETWEEN t.first_raw_session_date AND t.session_date AND n.first_seen_at <= t.as_of;

CREATE TABLE model_registry (
    model_id                    VARCHAR     NOT NULL PRIMARY KEY,
    family                      VARCHAR     NOT NULL,
    scope                       VARCHAR[]   NOT NULL,
    feature_set_id              VARCHAR     NOT NULL,
    horizon_sessions            INTEGER     NOT NULL CHECK (horizon_sessions > 0),
    first_training_session      DATE        NOT NULL,
    last_training_session       DATE        NOT NULL,
    cutoff_session              DATE        NOT NULL,
    labels_end_session          DATE        NOT NULL,
    scaler_fitted_until_session DATE        NOT NULL,
    window_count                INTEGER     NOT NULL CHECK (window_count > 0),
    config                      JSON        NOT NULL,
    seed                        BIGINT      NOT NULL,
    metrics                     JSON        NOT NULL,
    baseline_metrics            JSON        NOT NULL,
    trials_to_date              INTEGER     NOT NULL CHECK (trials_to_date > 0),
    artifact_path               VARCHAR     NOT NULL,
    artifact_sha256             VARCHAR     NOT NULL CHECK (length(artifact_sha256) = 64),
    as_of                       TIMESTAMPTZ NOT NULL,
    created_at                  TIMESTAMPTZ NOT NULL,
    run_id                      VARCHAR     NOT NULL,
    CHECK (labels_end_session <= cutoff_session),
    CHECK (last_training_session < labels_end_session),
    CHECK (scaler_fitted_until_session <= last_training_session)
);
COMMENT ON TABLE model_registry IS 'One row per trained model, never edited; cutoff_session is the last session whose data it may have seen.';
COMMENT ON COLUMN model_registry.metrics IS 'Scores on the validation months inside the training past, each with a day-clustered interval.';
COMMENT ON COLUMN model_registry.baseline_metrics IS 'The same scores for the base rate of the training past.';
COMMENT ON COLUMN model_registry.scope IS 'Tickers whose windows it was trained on.';

CREATE TABLE model_deployments (
    model_id  VARCHAR     NOT NULL,
    live_from DATE        NOT NULL,
    live_to   DATE,
    role      VARCHAR     NOT NULL CHECK (role IN ('champion', 'challenger')),
    family    VARCHAR     NOT NULL,
    reason    VARCHAR     NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (model_id, live_from)
);
COMMENT ON TABLE model_deployments IS 'Which model was live when: of each family, the deployment with the latest live_from up to a session.';
