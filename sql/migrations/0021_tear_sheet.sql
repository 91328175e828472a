-- The portfolio's record at each close: growth, risk, how much of it could be luck, and what trading cost.

CREATE TABLE tear_sheet (
    scenario_id            VARCHAR       NOT NULL CHECK (scenario_id <> ''),
    session_date           DATE          NOT NULL,
    n_returns              INTEGER       NOT NULL CHECK (n_returns >= 0),
    total_return           DOUBLE        NOT NULL,
    cagr                   DOUBLE,
    volatility             DOUBLE        CHECK (volatility >= 0),
    sharpe                 DOUBLE,
    sharpe_lower           DOUBLE,
    sharpe_upper           DOUBLE,
    deflated_sharpe        DOUBLE        CHECK (deflated_sharpe BETWEEN 0 AND 1),
    trials                 INTEGER       NOT NULL CHECK (trials > 0),
    sortino                DOUBLE,
    skewness               DOUBLE,
    kurtosis               DOUBLE,
    max_drawdown           DOUBLE        NOT NULL CHECK (max_drawdown BETWEEN 0 AND 1),
    rolling_sharpe         DOUBLE,
    rolling_sharpe_lower   DOUBLE,
    rolling_sharpe_upper   DOUBLE,
    benchmark_total_return DOUBLE        NOT NULL,
    benchmark_cagr         DOUBLE,
    benchmark_volatility   DOUBLE        CHECK (benchmark_volatility >= 0),
    benchmark_sharpe       DOUBLE,
    benchmark_max_drawdown DOUBLE        NOT NULL CHECK (benchmark_max_drawdown BETWEEN 0 AND 1),
    mean_gross_exposure    DOUBLE        NOT NULL,
    turnover_a_year        DOUBLE        CHECK (turnover_a_year >= 0),
    commission_usd         DECIMAL(20,6) NOT NULL CHECK (commission_usd >= 0),
    slippage_usd           DECIMAL(20,6) NOT NULL CHECK (slippage_usd >= 0),
    cost_a_year            DOUBLE        CHECK (cost_a_year >= 0),
    as_of                  TIMESTAMPTZ   NOT NULL,
    run_id                 VARCHAR       NOT NULL,
    PRIMARY KEY (scenario_id, session_date)
);
COMMENT ON TABLE tear_sheet IS 'One row per scenario and session: the portfolio''s record from inception to the close, beside buy-and-hold. Figures per year are null before 63 returns.';
COMMENT ON COLUMN tear_sheet.scenario_id IS 'Set of settings that the portfolio belongs to.';
COMMENT ON COLUMN tear_sheet.session_date IS 'Last session of the record.';
COMMENT ON COLUMN tear_sheet.n_returns IS 'Session returns since inception.';
COMMENT ON COLUMN tear_sheet.total_return IS 'Net asset value over the deposit, minus 1.';
COMMENT ON COLUMN tear_sheet.cagr IS 'Compound growth per calendar year, from elapsed days.';
COMMENT ON COLUMN tear_sheet.volatility IS 'Standard deviation of session returns, annualised by the sessions a year that the record shows.';
COMMENT ON COLUMN tear_sheet.sharpe IS 'Annualised mean over standard deviation of session returns; risk-free rate 0.';
COMMENT ON COLUMN tear_sheet.sharpe_lower IS 'Lower end of its 95 % interval, which allows for skewness and fat tails (Mertens 2002).';
COMMENT ON COLUMN tear_sheet.sharpe_upper IS 'Upper end of its 95 % interval.';
COMMENT ON COLUMN tear_sheet.deflated_sharpe IS 'Probability that the true Sharpe ratio is above the best that so many trials without skill would show (Bailey and López de Prado 2014).';
COMMENT ON COLUMN tear_sheet.trials IS 'Configurations of models tried by then, all families.';
COMMENT ON COLUMN tear_sheet.sortino IS 'Annualised mean over the root of the mean squared loss.';
COMMENT ON COLUMN tear_sheet.skewness IS 'Skewness of session returns.';
COMMENT ON COLUMN tear_sheet.kurtosis IS 'Kurtosis of session returns; 3 for a normal distribution.';
COMMENT ON COLUMN tear_sheet.max_drawdown IS 'Largest fraction below an earlier high so far, 0 to 1.';
COMMENT ON COLUMN tear_sheet.rolling_sharpe IS 'Annualised Sharpe ratio of the last 252 returns.';
COMMENT ON COLUMN tear_sheet.rolling_sharpe_lower IS 'Lower end of its 95 % interval.';
COMMENT ON COLUMN tear_sheet.rolling_sharpe_upper IS 'Upper end of its 95 % interval.';
COMMENT ON COLUMN tear_sheet.benchmark_total_return IS 'Buy-and-hold from the same deposit, without costs, minus 1.';
COMMENT ON COLUMN tear_sheet.benchmark_cagr IS 'Its compound growth per calendar year.';
COMMENT ON COLUMN tear_sheet.benchmark_volatility IS 'Its annualised standard deviation.';
COMMENT ON COLUMN tear_sheet.benchmark_sharpe IS 'Its annualised Sharpe ratio.';
COMMENT ON COLUMN tear_sheet.benchmark_max_drawdown IS 'Its largest fraction below an earlier high.';
COMMENT ON COLUMN tear_sheet.mean_gross_exposure IS 'Mean of the invested fraction over the sessions so far.';
COMMENT ON COLUMN tear_sheet.turnover_a_year IS 'Gross value bought and sold per year, as a multiple of the net asset value.';
COMMENT ON COLUMN tear_sheet.commission_usd IS 'Commission paid since inception, US dollars.';
COMMENT ON COLUMN tear_sheet.slippage_usd IS 'Slippage since inception, US dollars.';
COMMENT ON COLUMN tear_sheet.cost_a_year IS 'Commission and slippage per year, a fraction of the mean net asset value.';
COMMENT ON COLUMN tear_sheet.as_of IS 'Knowledge cut-off of the session.';
COMMENT ON COLUMN tear_sheet.run_id IS 'Dagster run that wrote the row.';
