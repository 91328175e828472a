-- Shares sold short: negative holdings, cash that may be owed, and what borrowing costs.

CREATE TABLE ledger_entries_then AS SELECT * FROM ledger_entries;
DROP TABLE ledger_entries;
CREATE TABLE ledger_entries (
    entry_id     VARCHAR       NOT NULL PRIMARY KEY,
    scenario_id  VARCHAR       NOT NULL CHECK (scenario_id <> ''),
    event_id     VARCHAR       NOT NULL,
    event_kind   VARCHAR       NOT NULL CHECK (event_kind IN ('deposit', 'trade', 'fee', 'dividend', 'split', 'rename', 'delisting', 'borrow')),
    session_date DATE          NOT NULL,
    sequence     INTEGER       NOT NULL CHECK (sequence >= 0),
    account      VARCHAR       NOT NULL CHECK (account IN ('cash', 'capital', 'positions', 'realized_pnl', 'commission', 'dividend_income',
                                              'borrow_cost')),
    ticker       VARCHAR,
    quantity     DECIMAL(20,6) NOT NULL,
    amount_usd   DECIMAL(20,6) NOT NULL,
    run_id       VARCHAR       NOT NULL
);
INSERT INTO ledger_entries BY NAME SELECT * FROM ledger_entries_then;
DROP TABLE ledger_entries_then;
COMMENT ON TABLE ledger_entries IS 'Double entry: debits positive, credits negative; the amounts of one event sum to zero. quantity moves shares in the positions account.';
COMMENT ON COLUMN ledger_entries.entry_id IS 'Hash of the event and its line.';
COMMENT ON COLUMN ledger_entries.scenario_id IS 'The set of settings that produced the row.';
COMMENT ON COLUMN ledger_entries.event_id IS 'Event whose amounts sum to zero.';
COMMENT ON COLUMN ledger_entries.event_kind IS 'deposit, trade, fee, dividend (spin-offs too), split, rename, delisting or borrow.';
COMMENT ON COLUMN ledger_entries.session_date IS 'Exchange session.';
COMMENT ON COLUMN ledger_entries.sequence IS 'Order of the events of one session: replaying by (session_date, sequence) rebuilds every balance.';
COMMENT ON COLUMN ledger_entries.account IS 'cash, capital, positions, realized_pnl, commission, dividend_income or borrow_cost.';
COMMENT ON COLUMN ledger_entries.ticker IS 'Symbol of the security; null for cash.';
COMMENT ON COLUMN ledger_entries.quantity IS 'Shares moved.';
COMMENT ON COLUMN ledger_entries.amount_usd IS 'US dollars; debits positive, credits negative.';
COMMENT ON COLUMN ledger_entries.run_id IS 'Dagster run that wrote the row.';

CREATE TABLE portfolio_holdings_then AS SELECT * FROM portfolio_holdings;
DROP TABLE portfolio_holdings;
CREATE TABLE portfolio_holdings (
    scenario_id        VARCHAR       NOT NULL,
    session_date       DATE          NOT NULL,
    ticker             VARCHAR       NOT NULL,
    quantity           DECIMAL(20,6) NOT NULL CHECK (quantity <> 0),
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
INSERT INTO portfolio_holdings BY NAME SELECT * FROM portfolio_holdings_then;
DROP TABLE portfolio_holdings_then;
COMMENT ON TABLE portfolio_holdings IS 'One row per scenario, session and position held, or sold short, at the close.';
COMMENT ON COLUMN portfolio_holdings.scenario_id IS 'The set of settings that produced the row.';
COMMENT ON COLUMN portfolio_holdings.session_date IS 'Exchange session.';
COMMENT ON COLUMN portfolio_holdings.ticker IS 'Symbol of the security.';
COMMENT ON COLUMN portfolio_holdings.quantity IS 'Shares held; negative where they were sold short.';
COMMENT ON COLUMN portfolio_holdings.average_cost_usd IS 'Average cost of a share before commission, or what it brought in where it was sold short, US dollars.';
COMMENT ON COLUMN portfolio_holdings.close IS 'Close as traded, US dollars.';
COMMENT ON COLUMN portfolio_holdings.close_session_date IS 'Session of the close used: earlier than session_date where the security did not trade.';
COMMENT ON COLUMN portfolio_holdings.market_value_usd IS 'Shares times close, US dollars.';
COMMENT ON COLUMN portfolio_holdings.unrealized_pnl_usd IS 'Market value less cost, US dollars.';
COMMENT ON COLUMN portfolio_holdings.weight IS 'Share of net asset value.';
COMMENT ON COLUMN portfolio_holdings.as_of IS 'Knowledge cut-off of the row: nothing known later went into it.';
COMMENT ON COLUMN portfolio_holdings.run_id IS 'Dagster run that wrote the row.';

CREATE TABLE portfolio_values_then AS SELECT * FROM portfolio_values;
DROP TABLE portfolio_values;
CREATE TABLE portfolio_values (
    scenario_id         VARCHAR       NOT NULL,
    session_date        DATE          NOT NULL,
    cash_usd            DECIMAL(20,6) NOT NULL,
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
INSERT INTO portfolio_values BY NAME SELECT * FROM portfolio_values_then;
DROP TABLE portfolio_values_then;
COMMENT ON TABLE portfolio_values IS 'One row per scenario and session: the portfolio at the close beside buy-and-hold of the universe from the same deposit.';
COMMENT ON COLUMN portfolio_values.scenario_id IS 'The set of settings that produced the row.';
COMMENT ON COLUMN portfolio_values.session_date IS 'Exchange session.';
COMMENT ON COLUMN portfolio_values.cash_usd IS 'Cash, US dollars; negative only where shares sold short cost more than there was.';
COMMENT ON COLUMN portfolio_values.net_asset_value_usd IS 'Cash and holdings at the close, US dollars.';
COMMENT ON COLUMN portfolio_values.gross_exposure IS 'Sum of the absolute values of the positions over the net asset value.';
COMMENT ON COLUMN portfolio_values.net_exposure IS 'Value of the positions, those sold short negative, over the net asset value.';
COMMENT ON COLUMN portfolio_values.daily_pnl_usd IS 'Change of net asset value since the close before, US dollars.';
COMMENT ON COLUMN portfolio_values.drawdown IS 'Fraction below the highest net asset value so far, from 0 to 1.';
COMMENT ON COLUMN portfolio_values.turnover IS 'Value traded over net asset value.';
COMMENT ON COLUMN portfolio_values.benchmark_value_usd IS 'Buy-and-hold of the universe from the same deposit, US dollars.';
COMMENT ON COLUMN portfolio_values.as_of IS 'Knowledge cut-off of the row: nothing known later went into it.';
COMMENT ON COLUMN portfolio_values.run_id IS 'Dagster run that wrote the row.';
