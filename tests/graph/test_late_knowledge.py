"""Late and corrected bars: decided once with what was known, and rebuilt later with exactly that.

A vendor is lived through day by day with a clock that stands on each evening. One bar comes a day late, one
on its own evening after the session was decided, two are corrected. Then derived tables are rebuilt in one
range from the raw tables alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import dagster as dg
import polars as pl
import pytest

from nextgen_assets.domain.sessions import NEW_YORK, xnys
from nextgen_assets.outcome_view import by_knowledge, read_outcomes
from nextgen_resources.warehouse.tables import TABLES
from tests.graph.futures import common_history, differences, known_by, report, world
from tests.graph.harness import Built
from tests.graph.living import RAW, Now, Vendor, living, with_jobs

pytestmark = pytest.mark.slow
SESSIONS = xnys().between(date(2004, 11, 22), date(2004, 12, 1))
ONE, TWO, THREE, FOUR, FIVE = SESSIONS[:5]
EVERY_ASSET = dg.AssetSelection.all() - dg.AssetSelection.assets("model_registry")
JOBS = {
    "live_through": EVERY_ASSET.without_checks(),
    "ask_for_prices": dg.AssetSelection.assets("market_prices").without_checks(),
    "build_features": dg.AssetSelection.assets("feature_windows"),
}
"""Jobs of this test beside those of the code location; a day without checks takes a third of the time."""
OF_THIS_TEST = [dg.define_asset_job(name, selection) for name, selection in JOBS.items()]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    """Seven sessions one by one, with two late bars and two corrections between them."""
    history = common_history(tmp_path_factory.getbasetemp())
    clock, vendor = Now(), Vendor()
    with world(tmp_path_factory.mktemp("lived") / "world", None, history) as plain:
        scenario = with_jobs(plain, OF_THIS_TEST, **living(clock, vendor, plain))
        for session in SESSIONS:
            vendor.withheld = {TWO: {("GOOG", TWO)}, THREE: {("IBM", THREE)}}.get(session, set())
            if session == THREE:
                clock.at(THREE, 10)
                scenario.run("ask_for_prices", TWO, TWO)
            if session == FIVE:
                clock.at(FIVE, 11)
                vendor.closes[("MSFT", FOUR)] = 0.9
                scenario.run("ask_for_prices", FOUR, FOUR)
            clock.at(session, 16, 45)
            scenario.run("live_through", session, session)
            if session == THREE:
                clock.at(THREE, 20)
                vendor.closes[("AAPL", ONE)] = 0.2
                vendor.withheld = set()
                scenario.run("ask_for_prices", ONE, THREE)
            if xnys().shift(session, 1).month != session.month:
                scenario.run("train_models", session.replace(day=1), session.replace(day=1))
        yield scenario


def test_late_and_corrected_bars_are_known_from_when_they_came(lived: Built) -> None:
    for ticker, session, hour in (("GOOG", TWO, 10), ("IBM", THREE, 20)):
        late = lived.warehouse.read(
            "SELECT known_at, known_at_is_assumed FROM market_prices WHERE ticker = $ticker AND session_date = $day",
            ticker=ticker, day=session,
        )  # fmt: skip
        assert late.row(0) == (datetime(THREE.year, THREE.month, THREE.day, hour, tzinfo=NEW_YORK), False)
    revised = lived.warehouse.read(
        "SELECT ticker, session_date, superseded_at FROM market_price_revisions ORDER BY ALL"
    )
    assert revised.rows() == [
        ("AAPL", ONE, datetime(THREE.year, THREE.month, THREE.day, 20, tzinfo=NEW_YORK)),
        ("MSFT", FOUR, datetime(FIVE.year, FIVE.month, FIVE.day, 11, tzinfo=NEW_YORK)),
    ]


def test_late_bar_has_no_vector_and_no_prediction_on_its_session(lived: Built) -> None:
    for table in ("feature_windows", "strategic_priorities", "predictions"):
        for ticker, session, others in (("GOOG", TWO, {ONE, THREE}), ("IBM", THREE, {TWO, FOUR})):
            present = known_by(lived, table, SESSIONS[-1]).filter(pl.col("ticker") == ticker)
            assert session not in present["session_date"].to_list(), (table, ticker)
            assert others <= set(present["session_date"]), (table, ticker)


def test_outcome_that_a_correction_changed_is_revised_once_and_its_first_judgement_stays(
    lived: Built,
) -> None:
    revised = lived.warehouse.read(
        "SELECT ticker, session_date, target_session_date, revised_on, cause, corrected, first_log_return, "
        "realised_log_return FROM prediction_accuracy_revisions WHERE horizon_sessions = 1 ORDER BY ticker, session_date"
    )
    found = {row[:5]: row[5:] for row in revised.rows()}
    assert found.keys() == {
        ("AAPL", ONE, TWO, FOUR, "price"),
        ("GOOG", ONE, TWO, THREE, "late"),
        ("IBM", TWO, THREE, FOUR, "late"),
        ("MSFT", THREE, FOUR, FIVE, "price"),
    }
    judged = lived.warehouse.read("SELECT * FROM horizon_outcomes WHERE horizon_sessions = 1")
    for (ticker, session, *_), (corrected, first, now) in found.items():
        stored = judged.filter(pl.col("ticker") == ticker, pl.col("session_date") == session)
        assert stored["realised_log_return"].to_list() == ([] if first is None else [first])
        assert first != now
        assert corrected.startswith('["price 2004-11-2')
    told = lived.warehouse.read(
        "told_revisions", scenario_id="baseline", since=datetime(2004, 1, 1, tzinfo=UTC)
    )
    assert {(ticker, day) for ticker, day in told.select("ticker", "session_date").rows()} <= {
        ("MSFT", FIVE), ("AAPL", FOUR), ("IBM", FOUR), ("GOOG", THREE)}  # fmt: skip
    assert told.height


def test_feedback_reads_an_outcome_as_it_was_known_at_each_session(lived: Built) -> None:
    parts = by_knowledge(lived.warehouse, lived.settings, SESSIONS)
    assert [part[0] for part in parts] == [ONE, THREE, FOUR, FIVE]
    first, now = (read_outcomes(lived.warehouse, lived.settings, [day]) for day in (FOUR, FIVE))
    both = first.join(now, on=["ticker", "session_date"], suffix="_now")
    changed = both.filter(pl.col("realised_log_return") != pl.col("realised_log_return_now"))
    assert changed.select("ticker", "session_date").rows() == [("MSFT", ONE)]


@pytest.fixture(scope="module")
def rebuilt(lived: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    """The raw tables of ``lived`` with every derived row of its sessions built again, each asset in one range."""
    start = lived.settings.paths.data_dir.parent
    with world(tmp_path_factory.mktemp("rebuilt") / "world", None, start) as scenario:
        with scenario.warehouse.transaction() as connection:
            for spec in TABLES.values():
                if spec.name not in RAW and spec.slice_column:
                    connection.execute(f'DELETE FROM {spec.name} WHERE "{spec.slice_column}" >= ?', [ONE])
            connection.execute("DELETE FROM model_deployments WHERE live_from > ?", [ONE])
        scenario = with_jobs(scenario, OF_THIS_TEST)
        build_derived(scenario)
        yield scenario


def build_derived(scenario: Built) -> None:
    scenario.run("build_features", SESSIONS[0], SESSIONS[-1])
    scenario.run("train_models", "2004-11-01", "2004-11-01")
    scenario.run("decide_and_trade", SESSIONS[0], SESSIONS[-1])


def test_rebuilding_in_one_range_gives_what_was_lived(lived: Built, rebuilt: Built) -> None:
    found = differences(lived, rebuilt, SESSIONS[-1])
    assert not found, report(found)


def test_running_past_sessions_again_changes_nothing(lived: Built, rebuilt: Built) -> None:
    build_derived(rebuilt)
    for session in (ONE, TWO):
        rebuilt.run("build_features", session, session)
    found = differences(lived, rebuilt, SESSIONS[-1])
    assert not found, report(found)
