"""Larger real data through the same graph: thirty of the S&P 500 over two and a half years."""

from datetime import date
from pathlib import Path

import pytest

from nextgen_assets.checks import CHECKS_DIR, read_rule
from nextgen_assets.domain.sessions import xnys
from tests.graph.harness import Built, built

DATA = Path(__file__).parents[3] / "shared" / "data" / "sp500_daily_2003_2017"
FIRST, LAST = date(2005, 1, 3), date(2007, 6, 29)
SESSIONS = xnys().between(FIRST, LAST)
TICKERS = 30
HORIZON = 5

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"the S&P 500 bars are not at {DATA}"),
]


@pytest.fixture(scope="module")
def market(tmp_path_factory) -> Built:
    """Everything materialised over the range, as a user with files of his own would."""
    overrides = {
        "scenario_id": "sp500",
        "ingestion.provider": "files",
        "ingestion.provider_options": {"path": str(DATA)},
        "ingestion.first_session": FIRST,
        "ingestion.last_session": LAST,
        "ingestion.max_tickers": TICKERS,
    }
    with built(tmp_path_factory.mktemp("sp500"), overrides) as scenario:
        scenario.run_all(FIRST, LAST)
        yield scenario


def _count(market: Built, sql: str) -> int:
    return int(market.warehouse.scalar(f"SELECT count(*) FROM {sql}"))


def test_universe_is_the_most_traded_of_the_quarter_before(market):
    tickers = market.warehouse.read("SELECT ticker FROM ticker_universe ORDER BY ticker")["ticker"].to_list()
    assert len(tickers) == TICKERS
    assert {"AAPL", "GE", "INTC", "MSFT", "XOM"} <= set(tickers)  # of four hundred, not the first by name


def test_every_session_of_every_ticker_goes_through_every_stage(market):
    bars = _count(market, "market_prices")
    quarantined = _count(market, "quarantine WHERE asset = 'market_prices'")
    assert bars + quarantined == TICKERS * len(SESSIONS)
    assert quarantined <= 5
    for table in ("feature_windows", "strategic_priorities", "predictions", "trade_plans"):
        assert _count(market, table) == bars, table
    matured = _count(market, f"predictions WHERE NOT abstained AND target_session_date <= '{LAST}'")
    assert matured > TICKERS * 200
    assert _count(market, "prediction_accuracy") == matured
    assert _count(market, "portfolio_values") == len(SESSIONS)


def test_models_of_every_family_serve_once_there_is_enough_past(market):
    families = market.warehouse.read(
        "SELECT family, count(*) AS models, min(cutoff_session) AS first FROM model_registry GROUP BY ALL ORDER BY ALL"
    )
    assert families["family"].to_list() == ["base_rate", "logistic", "lstm"]
    assert families["models"].n_unique() == 1
    assert families["models"][0] >= 18
    reasons = market.warehouse.read(
        "SELECT DISTINCT abstain_reason FROM predictions WHERE session_date >= '2006-06-01' AND abstained"
    )
    assert reasons.is_empty()


@pytest.mark.parametrize(
    "rule",
    [rule for rule in map(read_rule, sorted(CHECKS_DIR.glob("*/*.sql"))) if rule.is_blocking],
    ids=lambda rule: f"{rule.asset}-{rule.name}",
)
def test_blocking_check_holds(market, rule):
    assert market.warehouse.read(rule.sql, first=FIRST, last=LAST).is_empty()


def test_portfolio_reconciles_to_the_cent_on_every_session(market):
    cash = market.warehouse.read(
        "SELECT session_date, sum(amount_usd) AS moved FROM ledger_entries WHERE account = 'cash' "
        "GROUP BY session_date ORDER BY session_date"
    )
    worth = dict(
        market.warehouse.read(
            "SELECT h.session_date, sum(h.quantity * p.close) AS value FROM portfolio_holdings h "
            "JOIN market_prices p USING (ticker, session_date) GROUP BY h.session_date"
        ).rows()
    )
    moved, balance = dict(cash.rows()), 0
    values = market.warehouse.read(
        "SELECT session_date, cash_usd, net_asset_value_usd FROM portfolio_values ORDER BY session_date"
    )
    for session, cash_usd, net_asset_value_usd in values.rows():
        balance += moved.get(session, 0)
        assert abs(balance - cash_usd) < 0.01
        assert abs(float(cash_usd) + float(worth.get(session, 0)) - float(net_asset_value_usd)) < 0.01
    assert _count(market, "trades WHERE status = 'filled'") > 50
    assert _count(market, "ledger_entries WHERE event_kind = 'dividend'") > 10
