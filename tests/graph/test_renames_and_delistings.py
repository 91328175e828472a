"""A rename, a delisting and a reused ticker through the whole graph, beside the same market without them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from nextgen_assets.domain.sessions import xnys
from nextgen_resources.market_data.bokeh import Provider as EmbeddedMarket
from tests.graph.harness import Built, built

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

FIRST, LAST = date(2004, 1, 2), date(2005, 2, 28)
RENAMED = date(2005, 1, 25)
GONE = date(2005, 2, 8)
REUSED = date(2005, 2, 15)
NEWS = ("sentiment", "news_count")
"""Features of articles, which name the ticker of their time."""

SHORT = {
    "models.families": ["base_rate", "logistic"],
    "models.champion": "logistic",
    "models.train_sessions": 180,
    "models.minimum_train_windows": 60,
    "prediction.calibration_sessions": 30,
    "prediction.minimum_calibration_count": 20,
    "feedback.window_sessions": 30,
    "feedback.minimum_sessions": 11,
    "ingestion.provider": "files",
    "ingestion.first_session": FIRST,
    "ingestion.last_session": LAST,
}


def embedded() -> pl.DataFrame:
    return EmbeddedMarket().daily_bars(["AAPL", "IBM", "MSFT", "GOOG"], FIRST, LAST)


def write_market(folder: Path, is_eventful: bool) -> dict[str, str]:
    """IBM stops trading; eventful: AAPL is called AAPX from a day on, and another firm takes IBM's ticker."""
    bars = embedded()
    day = pl.col("session_date")
    bars = bars.filter((pl.col("ticker") != "IBM") | (day < GONE))
    if is_eventful:
        is_renamed = (pl.col("ticker") == "AAPL") & (day >= RENAMED)
        bars = bars.with_columns(ticker=pl.when(is_renamed).then(pl.lit("AAPX")).otherwise("ticker"))
        newcomer = embedded().filter((pl.col("ticker") == "GOOG") & (day >= REUSED))
        bars = pl.concat([bars, newcomer.with_columns(ticker=pl.lit("IBM"))])
    (folder / "bars").mkdir(parents=True)
    for (ticker,), rows in bars.group_by("ticker"):
        rows.drop("ticker").rename({"session_date": "date"}).write_csv(folder / "bars" / f"{ticker}.csv")
    options = {"path": str(folder / "bars")}
    common = "XNYS,USD,Technology"
    first_ibm = f"IBM,id:ibm,International Business Machines,{common},,{date(2005, 2, 7)}\n"
    second_ibm = f"IBM,id:other,Another Firm,{common},{REUSED},\n" if is_eventful else ""
    header = "ticker,security_id,name,exchange,currency,sector,first_session,last_session\n"
    (folder / "listings.csv").write_text(header + first_ibm + second_ibm)
    options["listings_path"] = str(folder / "listings.csv")
    if is_eventful:
        (folder / "actions.csv").write_text(f"ticker,ex_date,kind,new_ticker\nAAPL,{RENAMED},rename,AAPX\n")
    return options


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("markets")


def scenario(folder: Path, name: str, is_eventful: bool) -> Iterator[Built]:
    options = write_market(folder / name, is_eventful)
    if (
        is_eventful
    ):  # bars beside the list of actions would give no dividends: state those that the bars imply
        options["actions_path"] = str(folder / name / "actions.csv")
    with built(folder / name / "world", {**SHORT, "ingestion.provider_options": options}) as world:
        world.run("prepare_inputs", FIRST, LAST)
        world.run("train_models", date(2004, 10, 1), date(2005, 1, 1))
        world.run("decide_and_trade", FIRST, LAST)
        yield world


@pytest.fixture(scope="module")
def plain(folder: Path) -> Iterator[Built]:
    yield from scenario(folder, "plain", is_eventful=False)


@pytest.fixture(scope="module")
def eventful(folder: Path) -> Iterator[Built]:
    yield from scenario(folder, "eventful", is_eventful=True)


def test_stays_and_actions_tell_the_rename_the_delisting_and_the_reuse(eventful: Built) -> None:
    stays = eventful.warehouse.read(
        "SELECT ticker, valid_from, valid_to, security_id, reason_in, reason_out FROM ticker_universe "
        "WHERE ticker IN ('IBM', 'AAPL', 'AAPX') ORDER BY ticker, valid_from"
    )
    assert stays.rows() == [
        ("AAPL", FIRST, RENAMED, "files:AAPL", "initial member", "renamed"),
        ("AAPX", RENAMED, None, "files:AAPL", "renamed", None),
        ("IBM", FIRST, GONE, "id:ibm", "initial member", "delisted"),
        ("IBM", REUSED, None, "id:other", "listed", None),
    ]
    ended = eventful.warehouse.read(
        "SELECT ticker, ex_date, kind, new_ticker FROM corporate_actions WHERE kind IN ('rename', 'delisting') "
        "ORDER BY ex_date"
    )
    assert ended.rows() == [("AAPL", RENAMED, "rename", "AAPX"), ("IBM", GONE, "delisting", None)]


def test_features_and_predictions_go_on_across_the_rename(plain: Built, eventful: Built) -> None:
    for table, values in (("feature_windows", "values"), ("predictions", "raw_probability_up")):
        sql = f'SELECT session_date, "{values}" FROM {table} WHERE ticker = $ticker AND session_date >= $day ORDER BY 1'
        before = plain.warehouse.read(sql, ticker="AAPL", day=RENAMED)
        after = eventful.warehouse.read(sql, ticker="AAPX", day=RENAMED)
        assert after.height == len(xnys().between(RENAMED, LAST)), table
        if table == "feature_windows":
            names = plain.warehouse.scalar("SELECT names FROM feature_sets")
            for at, name in enumerate(names):
                if name not in NEWS:
                    assert after["values"].list.get(at).equals(before["values"].list.get(at)), name
    whole = "SELECT count(*) FROM feature_windows WHERE ticker = 'AAPX' AND is_complete"
    assert eventful.warehouse.scalar(whole) == len(xnys().between(RENAMED, LAST))


def test_predictions_before_the_rename_are_judged_after_it(eventful: Built) -> None:
    spanning = eventful.warehouse.read(
        "SELECT ticker, session_date, target_session_date FROM prediction_accuracy "
        "WHERE ticker = 'AAPL' AND target_session_date >= $day ORDER BY session_date",
        day=RENAMED,
    )
    assert spanning["session_date"].to_list() == xnys().between(
        xnys().shift(RENAMED, -5), xnys().shift(RENAMED, -1)
    )


def test_the_new_firm_under_an_old_ticker_begins_without_history(eventful: Built) -> None:
    sql = "SELECT session_date, is_complete FROM feature_windows WHERE ticker = 'IBM' AND session_date >= $day ORDER BY 1"
    rows = eventful.warehouse.read(sql, day=REUSED)
    assert rows.height == len(xnys().between(REUSED, LAST))
    assert not rows["is_complete"].any()
    former = (
        "SELECT count(*) FROM feature_windows WHERE ticker = 'IBM' AND session_date < $day AND is_complete"
    )
    assert eventful.warehouse.scalar(former, day=GONE) > 100
    said = eventful.warehouse.read(
        "SELECT abstained, abstain_reason FROM predictions WHERE ticker = 'IBM' AND session_date = $day",
        day=REUSED,
    )
    assert said["abstained"].to_list() == [True]


def test_shares_held_as_the_old_ticker_are_held_as_the_new_one_and_values_reconcile(eventful: Built) -> None:
    entries = eventful.warehouse.read("SELECT * FROM ledger_entries")
    renames = entries.filter(pl.col("event_kind") == "rename")
    held = eventful.warehouse.read(
        "SELECT ticker, quantity, average_cost_usd FROM portfolio_holdings WHERE session_date = $day AND ticker = 'AAPL'",
        day=xnys().shift(RENAMED, -1),
    )
    assert held.height == 1, "the market of this test must hold AAPL over the rename"
    assert renames.select("ticker", "quantity").sort("ticker").rows() == [
        ("AAPL", -held["quantity"][0]),
        ("AAPX", held["quantity"][0]),
    ]
    late = "SELECT count(*) FROM portfolio_holdings WHERE ticker = 'AAPL' AND session_date >= $day"
    assert eventful.warehouse.scalar(late, day=RENAMED) == 0


def test_delisting_pays_out_what_was_held_at_the_last_close(eventful: Built) -> None:
    held = eventful.warehouse.read(
        "SELECT quantity, close FROM portfolio_holdings WHERE ticker = 'IBM' AND session_date = $day",
        day=xnys().shift(GONE, -1),
    )
    paid = eventful.warehouse.read(
        "SELECT session_date, amount_usd FROM ledger_entries WHERE event_kind = 'delisting' AND account = 'cash'"
    )
    if held.is_empty():
        assert paid.is_empty()
    else:
        assert paid["session_date"].to_list() == [GONE]
        assert abs(paid["amount_usd"][0] - held["quantity"][0] * Decimal(str(held["close"][0]))) < Decimal(
            "0.01"
        )
    after = "SELECT count(*) FROM portfolio_holdings WHERE ticker = 'IBM' AND session_date BETWEEN $first AND $last"
    assert eventful.warehouse.scalar(after, first=GONE, last=xnys().shift(REUSED, -1)) == 0


def test_building_the_session_of_the_rename_again_changes_nothing(eventful: Built) -> None:
    tables = ("feature_windows", "predictions", "trade_plans", "trades", "ledger_entries", "portfolio_holdings",
              "portfolio_values", "corporate_actions", "ticker_universe")  # fmt: skip
    before = {name: eventful.content(name) for name in tables}
    eventful.run("prepare_inputs", RENAMED, RENAMED)
    eventful.run("decide_and_trade", RENAMED, RENAMED)
    for name, rows in before.items():
        assert eventful.content(name).equals(rows), name
