-- Findings of three kinds with their intervals, and what became of them on later data.

CREATE TABLE learning_insights_then AS SELECT * FROM learning_insights;
DROP TABLE learning_insights;
CREATE TABLE learning_insights (
    insight_id       VARCHAR     NOT NULL PRIMARY KEY,
    session_date     DATE        NOT NULL,
    kind             VARCHAR     NOT NULL CHECK (kind IN ('weakness', 'surprise', 'gap')),
    scope            VARCHAR     NOT NULL,
    hypothesis       VARCHAR     NOT NULL,
    evidence         JSON        NOT NULL,
    effect           DOUBLE      NOT NULL,
    lower            DOUBLE      NOT NULL,
    upper            DOUBLE      NOT NULL,
    p_value          DOUBLE      NOT NULL CHECK (p_value BETWEEN 0 AND 1),
    q_value          DOUBLE      NOT NULL CHECK (q_value BETWEEN 0 AND 1),
    n                INTEGER     NOT NULL CHECK (n > 0),
    suggested_action VARCHAR     NOT NULL,
    as_of            TIMESTAMPTZ NOT NULL,
    run_id           VARCHAR     NOT NULL,
    CHECK (lower <= effect AND effect <= upper)
);
INSERT INTO learning_insights BY NAME
    SELECT * EXCLUDE (error), 'weakness' AS kind, effect - 2.064 * error AS lower, effect + 2.064 * error AS upper
    FROM (SELECT *, coalesce(CAST(json_extract_string(evidence, '$.standard_error') AS DOUBLE), 0) AS error
          FROM learning_insights_then);
DROP TABLE learning_insights_then;
COMMENT ON TABLE learning_insights IS 'One row per finding about where the predictions are wrong, with effect, interval and corrected p-value.';
COMMENT ON COLUMN learning_insights.insight_id IS 'Hash of session, kind and scope.';
COMMENT ON COLUMN learning_insights.session_date IS 'Exchange session.';
COMMENT ON COLUMN learning_insights.kind IS 'weakness: loses against the base rate; surprise: returns beyond the forecast volatility; gap: abstains.';
COMMENT ON COLUMN learning_insights.scope IS 'The slice that the finding is about, as dimension:name.';
COMMENT ON COLUMN learning_insights.hypothesis IS 'What was tested, in words.';
COMMENT ON COLUMN learning_insights.evidence IS 'Figures behind it.';
COMMENT ON COLUMN learning_insights.effect IS 'Measure inside the slice less outside: nats, standard deviations or a share, by kind.';
COMMENT ON COLUMN learning_insights.lower IS 'Lower end of the day-clustered 95 percent interval of the effect.';
COMMENT ON COLUMN learning_insights.upper IS 'Upper end of the day-clustered 95 percent interval of the effect.';
COMMENT ON COLUMN learning_insights.p_value IS 'Probability of such an effect by chance.';
COMMENT ON COLUMN learning_insights.q_value IS 'p-value corrected for every slice that was looked at.';
COMMENT ON COLUMN learning_insights.n IS 'Predictions that the figure rests on.';
COMMENT ON COLUMN learning_insights.suggested_action IS 'What a person might do about it.';
COMMENT ON COLUMN learning_insights.as_of IS 'Knowledge cut-off of the row: nothing known later went into it.';
COMMENT ON COLUMN learning_insights.run_id IS 'Dagster run that wrote the row.';

CREATE TABLE insight_retests (
    insight_id   VARCHAR     NOT NULL,
    session_date DATE        NOT NULL,
    effect       DOUBLE,
    lower        DOUBLE,
    upper        DOUBLE,
    p_value      DOUBLE      CHECK (p_value BETWEEN 0 AND 1),
    q_value      DOUBLE      CHECK (q_value BETWEEN 0 AND 1),
    n            INTEGER     NOT NULL CHECK (n >= 0),
    verdict      VARCHAR     NOT NULL CHECK (verdict IN ('confirmed', 'undecided', 'retired')),
    reason       VARCHAR     NOT NULL,
    as_of        TIMESTAMPTZ NOT NULL,
    run_id       VARCHAR     NOT NULL,
    PRIMARY KEY (insight_id, session_date)
);
COMMENT ON TABLE insight_retests IS 'One row per look at a standing finding, on predictions made after it and after the look before.';
COMMENT ON COLUMN insight_retests.insight_id IS 'Finding of learning_insights.';
COMMENT ON COLUMN insight_retests.session_date IS 'Session of the look.';
COMMENT ON COLUMN insight_retests.effect IS 'Measure inside the slice less outside on the later predictions; null where there were too few.';
COMMENT ON COLUMN insight_retests.lower IS 'Lower end of its day-clustered 95 percent interval.';
COMMENT ON COLUMN insight_retests.upper IS 'Upper end of its day-clustered 95 percent interval.';
COMMENT ON COLUMN insight_retests.p_value IS 'Probability of such an effect by chance, one-sided.';
COMMENT ON COLUMN insight_retests.q_value IS 'p-value corrected for all looks of the session.';
COMMENT ON COLUMN insight_retests.n IS 'Predictions inside the slice that the look rests on.';
COMMENT ON COLUMN insight_retests.verdict IS 'confirmed, undecided or retired; a retired finding stands no more.';
COMMENT ON COLUMN insight_retests.reason IS 'Why, in words.';
COMMENT ON COLUMN insight_retests.as_of IS 'Knowledge cut-off of the row: nothing known later went into it.';
COMMENT ON COLUMN insight_retests.run_id IS 'Dagster run that wrote the row.';

CREATE VIEW standing_insights AS
    SELECT i.*, last.session_date AS tested_on, last.verdict
    FROM learning_insights i
    LEFT JOIN (SELECT *, row_number() OVER (PARTITION BY insight_id ORDER BY session_date DESC) AS recency
               FROM insight_retests) last ON last.insight_id = i.insight_id AND last.recency = 1
    WHERE last.verdict IS DISTINCT FROM 'retired';
