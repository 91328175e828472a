-- Lessons of closed positions that recur are findings too.

DROP VIEW standing_insights;
CREATE TABLE learning_insights_then AS SELECT * FROM learning_insights;
DROP TABLE learning_insights;
CREATE TABLE learning_insights (
    insight_id       VARCHAR     NOT NULL PRIMARY KEY,
    session_date     DATE        NOT NULL,
    kind             VARCHAR     NOT NULL CHECK (kind IN ('weakness', 'surprise', 'gap', 'lesson')),
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
INSERT INTO learning_insights BY NAME SELECT * FROM learning_insights_then;
DROP TABLE learning_insights_then;
COMMENT ON TABLE learning_insights IS 'One row per finding about where the predictions are wrong, with effect, interval and corrected p-value.';
COMMENT ON COLUMN learning_insights.insight_id IS 'Hash of session, kind and scope.';
COMMENT ON COLUMN learning_insights.session_date IS 'Exchange session.';
COMMENT ON COLUMN learning_insights.kind IS 'weakness: loses against the base rate; surprise: returns beyond the forecast volatility; gap: abstains; lesson: closed positions fall short of their prediction.';
COMMENT ON COLUMN learning_insights.scope IS 'The slice that the finding is about, as dimension:name.';
COMMENT ON COLUMN learning_insights.hypothesis IS 'What was tested, in words.';
COMMENT ON COLUMN learning_insights.evidence IS 'Figures behind it.';
COMMENT ON COLUMN learning_insights.effect IS 'Measure inside the slice less outside: nats, standard deviations, a share, or a difference of probabilities, by kind.';
COMMENT ON COLUMN learning_insights.lower IS 'Lower end of the day-clustered 95 percent interval of the effect.';
COMMENT ON COLUMN learning_insights.upper IS 'Upper end of the day-clustered 95 percent interval of the effect.';
COMMENT ON COLUMN learning_insights.p_value IS 'Probability of such an effect by chance.';
COMMENT ON COLUMN learning_insights.q_value IS 'p-value corrected for every slice that was looked at.';
COMMENT ON COLUMN learning_insights.n IS 'Predictions or closed positions that the figure rests on.';
COMMENT ON COLUMN learning_insights.suggested_action IS 'What a person might do about it.';
COMMENT ON COLUMN learning_insights.as_of IS 'Knowledge cut-off of the row: nothing known later went into it.';
COMMENT ON COLUMN learning_insights.run_id IS 'Dagster run that wrote the row.';

CREATE VIEW standing_insights AS
    SELECT i.*, last.session_date AS tested_on, last.verdict
    FROM learning_insights i
    LEFT JOIN (SELECT *, row_number() OVER (PARTITION BY insight_id ORDER BY session_date DESC) AS recency
               FROM insight_retests) last ON last.insight_id = i.insight_id AND last.recency = 1
    WHERE last.verdict IS DISTINCT FROM 'retired';
