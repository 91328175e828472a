-- What corrections of bars and actions made of outcomes that had been judged; nothing judged before is edited.

CREATE TABLE prediction_accuracy_revisions (
    prediction_id            VARCHAR     NOT NULL,
    scenario_id              VARCHAR     NOT NULL CHECK (scenario_id <> ''),
    ticker                   VARCHAR     NOT NULL,
    session_date             DATE        NOT NULL,
    horizon_sessions         INTEGER     NOT NULL CHECK (horizon_sessions > 0),
    target_session_date      DATE        NOT NULL,
    revised_on               DATE        NOT NULL,
    cause                    VARCHAR     NOT NULL CHECK (cause IN ('late', 'price', 'action', 'both')),
    corrected                JSON        NOT NULL,
    correction_known_at      TIMESTAMPTZ NOT NULL,
    first_log_return         DOUBLE,
    first_is_correct         BOOLEAN,
    first_brier_score        DOUBLE      CHECK (first_brier_score BETWEEN 0 AND 1),
    first_log_loss           DOUBLE      CHECK (first_log_loss >= 0),
    first_is_inside_interval BOOLEAN,
    realised_log_return      DOUBLE      NOT NULL,
    realised_direction       VARCHAR     NOT NULL CHECK (realised_direction IN ('up', 'down', 'flat')),
    is_correct               BOOLEAN     NOT NULL,
    brier_score              DOUBLE      CHECK (brier_score BETWEEN 0 AND 1),
    log_loss                 DOUBLE      CHECK (log_loss >= 0),
    is_inside_interval       BOOLEAN,
    surprise_z               DOUBLE,
    price_known_at           TIMESTAMPTZ NOT NULL,
    as_of                    TIMESTAMPTZ NOT NULL,
    validated_at             TIMESTAMPTZ NOT NULL,
    run_id                   VARCHAR     NOT NULL,
    PRIMARY KEY (prediction_id, horizon_sessions, revised_on),
    CHECK (session_date < target_session_date AND target_session_date < revised_on),
    CHECK (correction_known_at <= as_of AND price_known_at <= as_of),
    CHECK (cause <> 'late' OR first_log_return IS NULL)
);
COMMENT ON TABLE prediction_accuracy_revisions IS 'One row per outcome that a later correction of a bar or an action changed, and per session at which that was known. Rows are only added; prediction_accuracy and horizon_outcomes keep the first judgement.';
COMMENT ON COLUMN prediction_accuracy_revisions.prediction_id IS 'Prediction of the ledger of predictions.';
COMMENT ON COLUMN prediction_accuracy_revisions.scenario_id IS 'The set of settings that produced the row.';
COMMENT ON COLUMN prediction_accuracy_revisions.ticker IS 'Symbol of the security when it was predicted.';
COMMENT ON COLUMN prediction_accuracy_revisions.session_date IS 'Exchange session of the prediction.';
COMMENT ON COLUMN prediction_accuracy_revisions.horizon_sessions IS 'Sessions from its close on: those of the prediction, or of feedback.further_horizons.';
COMMENT ON COLUMN prediction_accuracy_revisions.target_session_date IS 'Session at whose close they end.';
COMMENT ON COLUMN prediction_accuracy_revisions.revised_on IS 'First session at whose cut-off the correction was known: what reads outcomes at it or later reads this row.';
COMMENT ON COLUMN prediction_accuracy_revisions.cause IS 'late: a price that was missing came, and this is the first judgement. price, action, both: what had been believed was corrected.';
COMMENT ON COLUMN prediction_accuracy_revisions.corrected IS 'The corrected bars and actions by kind and day.';
COMMENT ON COLUMN prediction_accuracy_revisions.correction_known_at IS 'When the newest of them was learned.';
COMMENT ON COLUMN prediction_accuracy_revisions.first_log_return IS 'Return of the first judgement; null where there was none.';
COMMENT ON COLUMN prediction_accuracy_revisions.first_is_correct IS 'Whether the direction was right in the first judgement.';
COMMENT ON COLUMN prediction_accuracy_revisions.first_brier_score IS 'Squared error of the first judgement; null for further horizons.';
COMMENT ON COLUMN prediction_accuracy_revisions.first_log_loss IS 'Log loss of the first judgement, nats; null for further horizons.';
COMMENT ON COLUMN prediction_accuracy_revisions.first_is_inside_interval IS 'Whether the first return lay inside the bounds; null for further horizons.';
COMMENT ON COLUMN prediction_accuracy_revisions.realised_log_return IS 'Total log return from the close of session_date to that of target_session_date as it is known now.';
COMMENT ON COLUMN prediction_accuracy_revisions.realised_direction IS 'Its sign.';
COMMENT ON COLUMN prediction_accuracy_revisions.is_correct IS 'Whether the direction that was said came.';
COMMENT ON COLUMN prediction_accuracy_revisions.brier_score IS 'Squared error of the probability; null for further horizons.';
COMMENT ON COLUMN prediction_accuracy_revisions.log_loss IS 'Negative log likelihood, nats; null for further horizons.';
COMMENT ON COLUMN prediction_accuracy_revisions.is_inside_interval IS 'Whether the return lies inside the bounds; null for further horizons.';
COMMENT ON COLUMN prediction_accuracy_revisions.surprise_z IS 'Return less expectation over the forecast volatility; null for further horizons.';
COMMENT ON COLUMN prediction_accuracy_revisions.price_known_at IS 'When the newest price behind the return was learned.';
COMMENT ON COLUMN prediction_accuracy_revisions.as_of IS 'Knowledge cut-off of the row: nothing known later went into it.';
COMMENT ON COLUMN prediction_accuracy_revisions.validated_at IS 'Wall clock of the judgement.';
COMMENT ON COLUMN prediction_accuracy_revisions.run_id IS 'Dagster run that wrote the row.';
