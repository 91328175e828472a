-- Models of single tickers: whom a model is for, in the registry, its deployments and the verdicts on it.

ALTER TABLE model_registry ADD COLUMN target_ticker VARCHAR;
ALTER TABLE model_deployments ADD COLUMN target_ticker VARCHAR;
ALTER TABLE model_deployments ADD COLUMN in_force_from DATE;
ALTER TABLE promotion_verdicts ADD COLUMN target_ticker VARCHAR;
COMMENT ON COLUMN model_registry.target_ticker IS 'Ticker that it was made for; null for the universe.';
COMMENT ON COLUMN model_deployments.target_ticker IS 'Ticker that it is for; null for the universe.';
COMMENT ON COLUMN model_deployments.in_force_from IS 'First session that nothing had been predicted for when a model of one ticker was deployed: it serves none before. Null: live_from says it all.';
COMMENT ON COLUMN promotion_verdicts.target_ticker IS 'Ticker whose forecasts alone were judged; null for the universe.';
COMMENT ON COLUMN promotion_verdicts.verdict IS 'promoted: served alone for the month, of a model of one ticker for that ticker. passed: a better one was promoted. refused: stays a member of the ensemble, or is not served.';
COMMENT ON TABLE model_deployments IS 'Which model was live when: of each family, the deployment for the universe with the latest live_from up to a session; models of one ticker wait for the gate or a person. Rows are only added.';

CREATE MACRO ticker_models_at(wanted_session) AS TABLE
    WITH decisions AS (
        SELECT * FROM model_deployments
        WHERE target_ticker IS NOT NULL AND decision <> 'training' AND live_from <= wanted_session),
    newest AS (
        SELECT * FROM decisions
        QUALIFY row_number() OVER (PARTITION BY target_ticker ORDER BY live_from DESC, created_at DESC, model_id DESC) = 1),
    barred AS (
        SELECT model_id FROM decisions
        QUALIFY row_number() OVER (PARTITION BY model_id ORDER BY live_from DESC, created_at DESC) = 1 AND role = 'challenger'),
    gate AS (
        SELECT * FROM promotion_verdicts
        WHERE target_ticker IS NOT NULL AND verdict = 'promoted'
          AND date_trunc('month', cutoff_session) = date_trunc('month', wanted_session::DATE) - INTERVAL 1 MONTH
          AND model_id NOT IN (FROM barred)),
    in_charge AS (
        SELECT target_ticker, model_id, family, live_from, decision, reason, 'appointed' AS how FROM newest WHERE role = 'champion'
        UNION ALL
        SELECT target_ticker, model_id, family, NULL, 'gate', reason, 'promoted by the gate' FROM gate
        WHERE target_ticker NOT IN (SELECT target_ticker FROM newest WHERE role = 'champion'))
    SELECT c.* REPLACE (coalesce(c.live_from, r.cutoff_session + 1) AS live_from), r.cutoff_session, r.artifact_path, r.artifact_sha256
    FROM in_charge c JOIN model_registry r USING (model_id)
    ORDER BY c.target_ticker;

CREATE OR REPLACE MACRO models_live_at(wanted_session) AS TABLE
    WITH for_all AS (SELECT * FROM model_deployments WHERE target_ticker IS NULL AND live_from <= wanted_session),
    newest AS (
        SELECT * FROM for_all
        QUALIFY row_number() OVER (PARTITION BY family ORDER BY live_from DESC, created_at DESC, model_id DESC) = 1),
    persons AS (
        SELECT * FROM for_all WHERE decision <> 'training'
        QUALIFY row_number() OVER (PARTITION BY family ORDER BY live_from DESC, created_at DESC) = 1),
    appointed AS (
        SELECT family FROM persons WHERE role = 'champion' ORDER BY live_from DESC, created_at DESC LIMIT 1),
    promoted AS (
        SELECT family FROM promotion_verdicts
        WHERE verdict = 'promoted' AND target_ticker IS NULL
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
