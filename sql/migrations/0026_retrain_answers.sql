-- What was done about each retrain signal.

CREATE TABLE retrain_answers (
    signal_id    VARCHAR     NOT NULL PRIMARY KEY,
    session_date DATE        NOT NULL,
    ticker       VARCHAR,
    outcome      VARCHAR     NOT NULL CHECK (outcome IN ('trained', 'cooling_down', 'over_budget', 'too_little_history',
                                                         'nothing_to_start_from', 'left_to_the_month', 'switched_off')),
    model_id     VARCHAR,
    reason       VARCHAR     NOT NULL CHECK (reason <> ''),
    as_of        TIMESTAMPTZ NOT NULL,
    run_id       VARCHAR     NOT NULL,
    CHECK ((outcome = 'trained') = (model_id IS NOT NULL)),
    CHECK (outcome <> 'trained' OR ticker IS NOT NULL)
);
COMMENT ON TABLE retrain_answers IS 'One row per retrain signal: the model that answered it, or why none did. Rows are only added.';
COMMENT ON COLUMN retrain_answers.signal_id IS 'Signal of retrain_signals.';
COMMENT ON COLUMN retrain_answers.session_date IS 'Session of the signal: the model is cut off there.';
COMMENT ON COLUMN retrain_answers.ticker IS 'Symbol of the security; null for the universe.';
COMMENT ON COLUMN retrain_answers.outcome IS 'trained; or why not: cooling_down, over_budget, too_little_history, nothing_to_start_from, left_to_the_month, switched_off.';
COMMENT ON COLUMN retrain_answers.model_id IS 'Model of model_registry that answers it.';
COMMENT ON COLUMN retrain_answers.reason IS 'The same in words, with figures.';
COMMENT ON COLUMN retrain_answers.as_of IS 'Knowledge cut-off of the row: nothing known later went into it.';
COMMENT ON COLUMN retrain_answers.run_id IS 'Dagster run that wrote the row.';

CREATE VIEW retrain_signals_answered AS
    SELECT s.* REPLACE (CASE WHEN a.outcome IS NULL THEN 'open' WHEN a.outcome = 'trained' THEN 'answered' ELSE 'declined' END AS status,
                        a.model_id AS answered_by_model_id),
           a.outcome, a.reason AS answer_reason
    FROM retrain_signals s LEFT JOIN retrain_answers a USING (signal_id);
