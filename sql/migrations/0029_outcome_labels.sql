-- What was unusual about predictions that fell due, and what came of their direction over other horizons.

CREATE TABLE outcome_labels (
    prediction_id            VARCHAR     NOT NULL PRIMARY KEY,
    scenario_id              VARCHAR     NOT NULL,
    ticker                   VARCHAR     NOT NULL,
    session_date             DATE        NOT NULL,
    target_session_date      DATE        NOT NULL,
    label                    VARCHAR     NOT NULL CHECK (label IN ('split', 'delisted', 'halted', 'late')),
    is_judged                BOOLEAN     NOT NULL,
    last_close_session       DATE,
    log_return_to_last_close DOUBLE,
    as_of                    TIMESTAMPTZ NOT NULL,
    run_id                   VARCHAR     NOT NULL,
    CHECK (is_judged = (label = 'split')),
    CHECK (last_close_session > session_date AND last_close_session <= target_session_date),
    CHECK ((last_close_session IS NULL) = (log_return_to_last_close IS NULL))
);
COMMENT ON TABLE outcome_labels IS 'One row per prediction that spanned a split, or that could not be judged when it fell due, and why.';
COMMENT ON COLUMN outcome_labels.prediction_id IS 'Prediction of the ledger of predictions.';
COMMENT ON COLUMN outcome_labels.scenario_id IS 'The set of settings that produced the row.';
COMMENT ON COLUMN outcome_labels.ticker IS 'Symbol of the security when it was predicted.';
COMMENT ON COLUMN outcome_labels.session_date IS 'Exchange session of the prediction.';
COMMENT ON COLUMN outcome_labels.target_session_date IS 'Session at whose close it fell due.';
COMMENT ON COLUMN outcome_labels.label IS 'split: judged on the total return. delisted: trading had ended. halted: no bar on the target session. late: another bar of the span was not known at the cut-off.';
COMMENT ON COLUMN outcome_labels.is_judged IS 'Whether prediction_accuracy has a row of it.';
COMMENT ON COLUMN outcome_labels.last_close_session IS 'Where it was not judged: the last close after the prediction before the first hole; null where there was none.';
COMMENT ON COLUMN outcome_labels.log_return_to_last_close IS 'Total log return up to that close.';
COMMENT ON COLUMN outcome_labels.as_of IS 'Knowledge cut-off of the row: nothing known later went into it.';
COMMENT ON COLUMN outcome_labels.run_id IS 'Dagster run that wrote the row.';

CREATE TABLE horizon_outcomes (
    prediction_id       VARCHAR     NOT NULL,
    scenario_id         VARCHAR     NOT NULL,
    ticker              VARCHAR     NOT NULL,
    session_date        DATE        NOT NULL,
    horizon_sessions    INTEGER     NOT NULL CHECK (horizon_sessions > 0),
    target_session_date DATE        NOT NULL,
    realised_log_return DOUBLE      NOT NULL,
    is_correct          BOOLEAN     NOT NULL,
    price_known_at      TIMESTAMPTZ NOT NULL,
    as_of               TIMESTAMPTZ NOT NULL,
    run_id              VARCHAR     NOT NULL,
    PRIMARY KEY (prediction_id, horizon_sessions),
    CHECK (target_session_date > session_date),
    CHECK (price_known_at <= as_of)
);
COMMENT ON TABLE horizon_outcomes IS 'One row per prediction and further horizon (feedback.further_horizons): whether its direction was right over that many sessions.';
COMMENT ON COLUMN horizon_outcomes.prediction_id IS 'Prediction of the ledger of predictions.';
COMMENT ON COLUMN horizon_outcomes.scenario_id IS 'The set of settings that produced the row.';
COMMENT ON COLUMN horizon_outcomes.ticker IS 'Symbol of the security when it was predicted.';
COMMENT ON COLUMN horizon_outcomes.session_date IS 'Exchange session of the prediction.';
COMMENT ON COLUMN horizon_outcomes.horizon_sessions IS 'Sessions from the close of session_date on.';
COMMENT ON COLUMN horizon_outcomes.target_session_date IS 'Session at whose close they end.';
COMMENT ON COLUMN horizon_outcomes.realised_log_return IS 'Total log return over them.';
COMMENT ON COLUMN horizon_outcomes.is_correct IS 'Whether the direction that was said came.';
COMMENT ON COLUMN horizon_outcomes.price_known_at IS 'When the newest price behind the return was learned.';
COMMENT ON COLUMN horizon_outcomes.as_of IS 'Knowledge cut-off of the row: nothing known later went into it.';
COMMENT ON COLUMN horizon_outcomes.run_id IS 'Dagster run that wrote the row.';
