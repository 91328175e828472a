-- Quantities in millionths of a share: plans and fills may be of fractions.

CREATE TABLE trade_plans_then AS SELECT * FROM trade_plans;
DROP TABLE trade_plans;
CREATE TABLE trade_plans (
    plan_id         VARCHAR     NOT NULL PRIMARY KEY,
    scenario_id     VARCHAR     NOT NULL CHECK (scenario_id <> ''),
    session_date    DATE        NOT NULL,
    ticker          VARCHAR     NOT NULL,
    action          VARCHAR     NOT NULL CHECK (action IN ('buy', 'sell', 'hold', 'none')),
    target_weight   DOUBLE      NOT NULL,
    quantity        DECIMAL(20,6) NOT NULL CHECK (quantity >= 0),
    reference_price DOUBLE      NOT NULL CHECK (reference_price > 0),
    prediction_id   VARCHAR,
    principles      JSON        NOT NULL,
    as_of           TIMESTAMPTZ NOT NULL,
    run_id          VARCHAR     NOT NULL,
    UNIQUE (scenario_id, session_date, ticker),
    CHECK ((action IN ('buy', 'sell')) = (quantity > 0))
);
INSERT INTO trade_plans BY NAME SELECT * FROM trade_plans_then;
DROP TABLE trade_plans_then;
COMMENT ON TABLE trade_plans IS 'One row per ticker and session: what to do at the next open, and which principle said what.';
COMMENT ON COLUMN trade_plans.plan_id IS 'Hash of what was decided.';
COMMENT ON COLUMN trade_plans.scenario_id IS 'The set of settings that produced the row.';
COMMENT ON COLUMN trade_plans.session_date IS 'Session after whose close it was decided.';
COMMENT ON COLUMN trade_plans.ticker IS 'Symbol of the security.';
COMMENT ON COLUMN trade_plans.action IS 'buy, sell, hold or none.';
COMMENT ON COLUMN trade_plans.target_weight IS 'Share of net asset value wanted.';
COMMENT ON COLUMN trade_plans.quantity IS 'Shares to trade, unsigned; the action gives the side.';
COMMENT ON COLUMN trade_plans.reference_price IS 'Close that it was sized with, US dollars.';
COMMENT ON COLUMN trade_plans.prediction_id IS 'Prediction that it rests on.';
COMMENT ON COLUMN trade_plans.principles IS 'List of {principle, verdict: allow | scale | veto | abstain, factor, reason}.';
COMMENT ON COLUMN trade_plans.as_of IS 'Knowledge cut-off of the row: nothing known later went into it.';
COMMENT ON COLUMN trade_plans.run_id IS 'Dagster run that wrote the row.';

CREATE TABLE trades_then AS SELECT * FROM trades;
DROP TABLE trades;
CREATE TABLE trades (
    trade_id         VARCHAR       NOT NULL PRIMARY KEY,
    plan_id          VARCHAR       NOT NULL,
    scenario_id      VARCHAR       NOT NULL CHECK (scenario_id <> ''),
    ticker           VARCHAR       NOT NULL,
    session_date     DATE          NOT NULL,
    plan_session_date DATE         NOT NULL,
    side             VARCHAR       NOT NULL CHECK (side IN ('buy', 'sell')),
    quantity         DECIMAL(20,6) NOT NULL CHECK (quantity >= 0),
    price            DECIMAL(20,6) NOT NULL CHECK (price >= 0),
    gross_usd        DECIMAL(20,6) NOT NULL,
    commission_usd   DECIMAL(20,6) NOT NULL CHECK (commission_usd >= 0),
    slippage_usd     DECIMAL(20,6) NOT NULL CHECK (slippage_usd >= 0),
    filled_at        TIMESTAMPTZ,
    status           VARCHAR       NOT NULL CHECK (status IN ('filled', 'partial', 'rejected')),
    reject_reason    VARCHAR,
    realized_pnl_usd DECIMAL(20,6) NOT NULL,
    run_id           VARCHAR       NOT NULL,
    CHECK (plan_session_date < session_date),
    CHECK ((status = 'rejected') = (quantity = 0)),
    CHECK (status = 'filled' OR reject_reason IS NOT NULL)
);
INSERT INTO trades BY NAME SELECT * FROM trades_then;
DROP TABLE trades_then;
COMMENT ON TABLE trades IS 'One row per executed or rejected order; the fill is at the open of session_date, always after the session of its plan.';
COMMENT ON COLUMN trades.trade_id IS 'Hash of plan and fill.';
COMMENT ON COLUMN trades.plan_id IS 'Plan that it executes.';
COMMENT ON COLUMN trades.scenario_id IS 'The set of settings that produced the row.';
COMMENT ON COLUMN trades.ticker IS 'Symbol of the security.';
COMMENT ON COLUMN trades.session_date IS 'Session of the fill.';
COMMENT ON COLUMN trades.plan_session_date IS 'Session of the plan.';
COMMENT ON COLUMN trades.side IS 'buy or sell.';
COMMENT ON COLUMN trades.quantity IS 'Shares filled; 0 where rejected.';
COMMENT ON COLUMN trades.price IS 'Fill price after slippage, US dollars.';
COMMENT ON COLUMN trades.gross_usd IS 'Shares times price, US dollars.';
COMMENT ON COLUMN trades.commission_usd IS 'Commission, US dollars.';
COMMENT ON COLUMN trades.slippage_usd IS 'What the fill cost against the open, US dollars.';
COMMENT ON COLUMN trades.filled_at IS 'When it was filled.';
COMMENT ON COLUMN trades.status IS 'filled, partial or rejected.';
COMMENT ON COLUMN trades.reject_reason IS 'Why less than planned was filled.';
COMMENT ON COLUMN trades.realized_pnl_usd IS 'Profit or loss realised, after costs, US dollars.';
COMMENT ON COLUMN trades.run_id IS 'Dagster run that wrote the row.';
