-- What came of the predictions that were not made, and of scores that were estimated before the labels came.

CREATE TABLE abstention_outcomes (
    prediction_id       VARCHAR     NOT NULL PRIMARY KEY,
    scenario_id         VARCHAR     NOT NULL,
    ticker              VARCHAR     NOT NULL,
    session_date        DATE        NOT NULL,
    target_session_date DATE        NOT NULL,
    abstain_reason      VARCHAR     NOT NULL,
    raw_probability_up  DOUBLE      NOT NULL CHECK (raw_probability_up BETWEEN 0 AND 1),
    volatility          DOUBLE      NOT NULL CHECK (volatility > 0),
    realised_log_return DOUBLE      NOT NULL,
    is_correct          BOOLEAN     NOT NULL,
    brier_score         DOUBLE      NOT NULL CHECK (brier_score BETWEEN 0 AND 1),
    log_loss            DOUBLE      NOT NULL CHECK (log_loss >= 0),
    price_known_at      TIMESTAMPTZ NOT NULL,
    as_of               TIMESTAMPTZ NOT NULL,
    validated_at        TIMESTAMPTZ NOT NULL,
    run_id              VARCHAR     NOT NULL,
    CHECK (target_session_date > session_date),
    CHECK (price_known_at <= as_of)
);
COMMENT ON TABLE abstention_outcomes IS 'One row per abstention for which a probability was known: what it would have scored, by prices known at the cut-off of its target session.';
COMMENT ON COLUMN abstention_outcomes.prediction_id IS 'Abstention of the ledger of predictions.';
COMMENT ON COLUMN abstention_outcomes.scenario_id IS 'The set of settings that produced the row.';
COMMENT ON COLUMN abstention_outcomes.ticker IS 'Symbol of the security.';
COMMENT ON COLUMN abstention_outcomes.session_date IS 'Exchange session.';
COMMENT ON COLUMN abstention_outcomes.target_session_date IS 'Session at whose close the return ends.';
COMMENT ON COLUMN abstention_outcomes.abstain_reason IS 'Why nothing was predicted.';
COMMENT ON COLUMN abstention_outcomes.raw_probability_up IS 'What the ensemble would have said, before calibration.';
COMMENT ON COLUMN abstention_outcomes.volatility IS 'Forecast standard deviation of the log return over the horizon.';
COMMENT ON COLUMN abstention_outcomes.realised_log_return IS 'Total log return from the close of session_date to that of target_session_date.';
COMMENT ON COLUMN abstention_outcomes.is_correct IS 'Whether the direction of the raw probability came.';
COMMENT ON COLUMN abstention_outcomes.brier_score IS 'Squared error of the raw probability.';
COMMENT ON COLUMN abstention_outcomes.log_loss IS 'Negative log likelihood of the raw probability, nats.';
COMMENT ON COLUMN abstention_outcomes.price_known_at IS 'When the newest price behind the return was learned.';
COMMENT ON COLUMN abstention_outcomes.as_of IS 'Knowledge cut-off of the row: nothing known later went into it.';
COMMENT ON COLUMN abstention_outcomes.validated_at IS 'Wall clock of the validation.';
COMMENT ON COLUMN abstention_outcomes.run_id IS 'Dagster run that wrote the row.';

CREATE VIEW estimated_and_realised AS
    SELECT f.session_date, f.metric, f.value AS estimated, f.lower, f.upper, f.n AS n_estimated, count(*)::INTEGER AS n_judged,
           avg(CASE f.metric WHEN 'hit_rate' THEN a.is_correct::INTEGER WHEN 'brier_score' THEN a.brier_score
                             ELSE a.log_loss END) AS realised
    FROM feedback_metrics f
    JOIN prediction_accuracy a ON a.session_date <= f.session_date AND a.target_session_date > f.session_date
    WHERE f.scope = 'unmatured'
    GROUP BY ALL;
