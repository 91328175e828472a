-- Decisions of persons beside those of training, verdicts of the promotion gate, and what stands behind bounds and abstentions.

CREATE TABLE decided_deployments (
    model_id   VARCHAR     NOT NULL,
    live_from  DATE        NOT NULL,
    live_to    DATE,
    role       VARCHAR     NOT NULL CHECK (role IN ('champion', 'challenger')),
    family     VARCHAR     NOT NULL,
    decision   VARCHAR     NOT NULL CHECK (decision IN ('training', 'promote', 'rollback')),
    reason     VARCHAR     NOT NULL CHECK (reason <> ''),
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (model_id, live_from, decision)
);
INSERT INTO decided_deployments BY NAME SELECT *, 'training' AS decision FROM model_deployments;
DROP TABLE model_deployments;
ALTER TABLE decided_deployments RENAME TO model_deployments;
COMMENT ON TABLE model_deployments IS 'Which model was live when: of each family, the deployment with the latest live_from up to a session. Rows are only added.';
COMMENT ON COLUMN model_deployments.model_id IS 'Model of model_registry.';
COMMENT ON COLUMN model_deployments.live_from IS 'First session that it serves.';
COMMENT ON COLUMN model_deployments.live_to IS 'Last session that it serves; null until a later deployment of its family.';
COMMENT ON COLUMN model_deployments.role IS 'By training: champion for the family of the settings. By a person: champion is served alone from then on, challenger no longer.';
COMMENT ON COLUMN model_deployments.family IS 'Kind of model.';
COMMENT ON COLUMN model_deployments.decision IS 'Who decided: training (each month anew), or a person by promote or rollback.';
COMMENT ON COLUMN model_deployments.reason IS 'Why, in words.';
COMMENT ON COLUMN model_deployments.created_at IS 'Wall clock of the decision.';

CREATE TABLE promotion_verdicts (
    cutoff_session DATE        NOT NULL,
    model_id       VARCHAR     NOT NULL,
    family         VARCHAR     NOT NULL,
    recipe         VARCHAR     NOT NULL,
    champion       VARCHAR     NOT NULL,
    verdict        VARCHAR     NOT NULL CHECK (verdict IN ('promoted', 'passed', 'refused')),
    reason_code    VARCHAR     NOT NULL,
    reason         VARCHAR     NOT NULL,
    n              INTEGER     NOT NULL CHECK (n >= 0),
    n_sessions     INTEGER     NOT NULL CHECK (n_sessions >= 0),
    n_trials       INTEGER     NOT NULL CHECK (n_trials > 0),
    evidence       JSON        NOT NULL,
    as_of          TIMESTAMPTZ NOT NULL,
    run_id         VARCHAR     NOT NULL,
    PRIMARY KEY (cutoff_session, model_id)
);
COMMENT ON TABLE promotion_verdicts IS 'One row per cut-off and live challenger: what the promotion gate says of its matured forecasts, and why. It decides for the month that follows.';
COMMENT ON COLUMN promotion_verdicts.cutoff_session IS 'Last session of the month whose end was judged.';
COMMENT ON COLUMN promotion_verdicts.model_id IS 'Model of model_registry that is live on the session after.';
COMMENT ON COLUMN promotion_verdicts.family IS 'Kind of model.';
COMMENT ON COLUMN promotion_verdicts.recipe IS 'Hash of family, feature set, horizon, settings and seed: whose forecasts of all months were judged.';
COMMENT ON COLUMN promotion_verdicts.champion IS 'What it had to beat: the ensemble, or the family that a person put in charge.';
COMMENT ON COLUMN promotion_verdicts.verdict IS 'promoted: served alone for the month. passed: a better one was promoted. refused: stays a member of the ensemble.';
COMMENT ON COLUMN promotion_verdicts.reason_code IS 'First rule that failed, or the verdict.';
COMMENT ON COLUMN promotion_verdicts.reason IS 'Every rule that failed, or what was passed, with figures.';
COMMENT ON COLUMN promotion_verdicts.n IS 'Matured forecasts that were judged.';
COMMENT ON COLUMN promotion_verdicts.n_sessions IS 'Sessions that they come from.';
COMMENT ON COLUMN promotion_verdicts.n_trials IS 'Configurations of all families that had been trained by the cut-off.';
COMMENT ON COLUMN promotion_verdicts.evidence IS 'Paired differences with intervals, calibration, deflated Sharpe ratio, probability of backtest overfitting.';
COMMENT ON COLUMN promotion_verdicts.as_of IS 'Knowledge cut-off of the row: nothing known later went into it.';
COMMENT ON COLUMN promotion_verdicts.run_id IS 'Dagster run that wrote the row.';

ALTER TABLE predictions ADD COLUMN bound_scale DOUBLE;
ALTER TABLE predictions ADD COLUMN dissimilarity DOUBLE;
COMMENT ON COLUMN predictions.bound_scale IS 'Forecast size of the error that the quantiles of adjustments are multiplied by: volatility drawn to the trailing level of the ticker, times the width of its errors. Null where there are no bounds.';
COMMENT ON COLUMN predictions.dissimilarity IS 'Distance of the window to the nearest training window over the limit that training windows keep among themselves; null where no window or no model was there.';

CREATE OR REPLACE VIEW predictions_latest AS
    SELECT * EXCLUDE (recency) FROM (
        SELECT *, row_number() OVER (PARTITION BY scenario_id, ticker, session_date, horizon_sessions
                                     ORDER BY issued_at DESC, prediction_id) AS recency
        FROM predictions)
    WHERE recency = 1;

CREATE MACRO models_live_at(wanted_session) AS TABLE
    WITH newest AS (
        SELECT * FROM model_deployments WHERE live_from <= wanted_session
        QUALIFY row_number() OVER (PARTITION BY family ORDER BY live_from DESC, created_at DESC, model_id DESC) = 1),
    persons AS (
        SELECT * FROM model_deployments WHERE live_from <= wanted_session AND decision <> 'training'
        QUALIFY row_number() OVER (PARTITION BY family ORDER BY live_from DESC, created_at DESC) = 1),
    appointed AS (
        SELECT family FROM persons WHERE role = 'champion' ORDER BY live_from DESC, created_at DESC LIMIT 1),
    promoted AS (
        SELECT family FROM promotion_verdicts
        WHERE verdict = 'promoted'
          AND cutoff_session = (SELECT max(cutoff_session) FROM promotion_verdicts
                                WHERE cutoff_session < date_trunc('month', wanted_session::DATE))
        LIMIT 1)
    SELECT n.family, n.model_id, n.live_from, n.decision, n.reason,
           CASE WHEN n.family = (SELECT family FROM appointed) THEN 'alone, appointed'
                WHEN EXISTS (FROM appointed) THEN 'challenger'
                WHEN n.family = (SELECT family FROM promoted) THEN 'alone, promoted by the gate'
                WHEN EXISTS (FROM promoted) THEN 'challenger'
                ELSE 'member of the ensemble' END AS serves
    FROM newest n
    WHERE n.live_to IS NULL OR wanted_session <= n.live_to
    ORDER BY n.family;
