-- Plans, fills, the double-entry ledger and what follows from it. Money is DECIMAL US dollars.

CREATE TABLE trade_plans (
    plan_id         VARCHAR     NOT NULL PRIMARY KEY,
    scenario_id     VARCHAR     NOT NULL CHECK (scenario_id <> ''),
    session_date    DATE        NOT NULL,
    ticker          VARCHAR     NOT NULL,
    action          VARCHAR     NOT NULL CHECK (action IN ('buy', 'sell', 'hold', 'none')),
    target_weight   DOUBLE      NOT NULL,
    quantity        BIGINT      NOT NULL CHECK (quantity >= 0),
    reference_price DOUBLE      NOT NULL CHECK (reference_price > 0),
    prediction_id   VARCHAR,
    principles      JSON        NOT NULL,
    as_of           TIMESTAMPTZ NOT NULL,
    run_id          VARCHAR     NOT NULL,
    UNIQUE (scenario_id, session_date, ticker),
    CHECK ((action IN ('buy', 'sell')) = (quantity > 0))
);
COMMENT ON TABLE trade_plans IS 'One row per ticker and session: what to do at the next open, and which principle said what.';
COMMENT ON COLUMN trade_plans.principles IS 'List of {principle, verdict: allow | scale | veto | abstain, factor, reason}.';
COMMENT ON COLUMN trade_plans.quantity IS 'Whole shares to trade, unsigned; the action gives the side.';

CREATE TABLE trades (
    trade_id         VARCHAR       NOT NULL PRIMARY KEY,
    plan_id          VARCHAR       NOT NULL,
    scenario_id      VARCHAR       NOT NULL CHECK (scenario_id <> ''),
    ticker           VARCHAR       NOT NULL,
    session_date     DATE          NOT NULL,
    plan_session_date DATE         NOT NULL,
    side             VARCHAR       NOT NULL CHECK (side IN ('buy', 'sell')),
    quantity         BIGINT        NOT NULL CHECK (quantity >= 0),
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
COMMENT ON TABLE trades IS 'One row per executed or rejected order; the fill is at the open of session_date, always after the session of its plan.';

CREATE TABLE ledger_entries (
    entry_id     VARCHAR       NOT NULL PRIMARY KEY,
    scenario_id  VARCHAR       NOT NULL CHECK (scenario_id <> ''),
    event_id     VARCHAR       NOT NULL,
    event_kind   VARCHAR       NOT NULL CHECK (event_kind IN ('deposit', 'trade', 'fee', 'dividend', 'split')),
    session_date DATE          NOT NULL,
    sequence     INTEGER       NOT NULL CHECK (sequence >= 0),
    account      VARCHAR       NOT NULL CHECK (account IN ('cash', 'capital', 'positions', 'realized_pnl', 'commission', 'dividend_income')),
    ticker       VARCHAR,
    quantity     DECIMAL(20,6) NOT NULL,
    amount_usd   DECIMAL(20,6) NOT NULL,
    run_id       VARCHAR       NOT NULL
);
COMMENT ON TABLE ledger_entries IS 'Double entry: debits positive, credits negative; the amounts of one event sum to zero. quantity moves shares in the positions account.';
COMMENT ON COLUMN ledger_entries.sequence IS 'Order of the events of one session: replaying by (session_date, sequence) rebuilds every balance.';

CREATE TABLE portfolio_holdings (
    scenario_id        VARCHAR       NOT NULL,
    session_date       DATE          NOT NULL,
    ticker             VARCHAR       NOT NULL,
    quantity           DECIMAL(20,6) NOT NULL CHECK (quantity > 0),
    average_cost_usd   DECIMAL(20,6) NOT NULL,
    close              DOUBLE        NOT NULL CHECK (close > 0),
    close_session_date DATE          NOT NULL,
    market_value_usd   DECIMAL(20,6) NOT NULL,
    unrealized_pnl_usd DECIMAL(20,6) NOT NULL,
    weight             DOUBLE        NOT NULL,
    as_of              TIMESTAMPTZ   NOT NULL,
    run_id             VARCHAR       NOT NULL,
    PRIMARY KEY (scenario_id, session_date, ticker)
);
COMMENT ON TABLE portfolio_holdings IS 'One row per scenario, session and position held at the close.';
COMMENT ON COLUMN portfolio_holdings.close_session_date IS 'Session of the close used: earlier than session_date where the security did not trade.';

CREATE TABLE portfolio_values (
    scenario_id         VARCHAR       NOT NULL,
    session_date        DATE          NOT NULL,
    cash_usd            DECIMAL(20,6) NOT NULL CHECK (cash_usd >= 0),
    net_asset_value_usd DECIMAL(20,6) NOT NULL CHECK (net_asset_value_usd > 0),
    gross_exposure      DOUBLE        NOT NULL,
    net_exposure        DOUBLE        NOT NULL,
    daily_pnl_usd       DECIMAL(20,6) NOT NULL,
    drawdown            DOUBLE        NOT NULL CHECK (drawdown BETWEEN 0 AND 1),
    turnover            DOUBLE        NOT NULL CHECK (turnover >= 0),
    benchmark_value_usd DOUBLE        NOT NULL CHECK (benchmark_value_usd > 0),
    as_of               TIMESTAMPTZ   NOT NULL,
    run_id              VARCHAR       NOT NULL,
    PRIMARY KEY (scenario_id, session_date)
);
COMMENT ON TABLE portfolio_values IS 'One row per scenario and session: the portfolio at the close beside buy-and-hold of the universe from the same deposit.';
COMMENT ON COLUMN portfolio_values.drawdown IS 'Fraction below the highest net asset value so far, from 0 to 1.';

CREATE TABLE trade_reflections (
    reflection_id VARCHAR     NOT NULL PRIMARY KEY,
    scenario_id   VARCHAR     NOT NULL,
    session_date  DATE        NOT NULL,
    ticker        VARCHAR     NOT NULL,
    opened_on     DATE        NOT NULL,
    thesis        VARCHAR     NOT NULL,
    outcome       VARCHAR     NOT NULL,
    realized_pnl_usd DECIMAL(20,6) NOT NULL,
    attribution   JSON        NOT NULL,
    lesson        VARCHAR     NOT NULL,
    as_of         TIMESTAMPTZ NOT NULL,
    run_id        VARCHAR     NOT NULL,
    CHECK (opened_on < session_date)
);
COMMENT ON TABLE trade_reflections IS 'One row per closed position: what was expected, what came, where the difference lies.';
COMMENT ON COLUMN trade_reflections.attribution IS 'US dollars by cause: market, selection, timing, cost, luck; they sum to the result.';
