"""A provider over HTTP in the real graph: its calls become rows, a cut-off run goes on, refusals are told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from nextgen_assets import policies
from nextgen_resources import errors
from nextgen_resources.http.client import HttpClient
from nextgen_resources.http.journal import Journal
from nextgen_resources.http.policy import HttpPolicy
from nextgen_resources.market_data import LISTING_SCHEMA, load_provider
from nextgen_resources.market_data.delivery import each_ticker, whole_or_partial
from nextgen_resources.warehouse.io_manager import WarehouseIOManager
from tests.graph.harness import Built, built
from tests.graph.living import with_jobs
from tests.resources.http.loopback import Loopback, Reply, Seen, VirtualTime, policy_in, serving
from tests.resources.market_data.yahoo_server import Chart, FakeYahoo, bars_of, yahoo_on

FIRST, LAST = date(2013, 2, 25), date(2013, 2, 28)
TICKERS = ("AAPL", "GOOG", "IBM", "MSFT")
BARS = load_provider("bokeh").daily_bars(TICKERS, FIRST, LAST)


class WebBars:
    """The embedded bars through a web server, one request per ticker."""

    name = "web"
    capabilities = frozenset({"daily", "adjusted_close", "universe"})
    delay_minutes = 15
    dividend_basis = "ex_close"

    def __init__(self, http: HttpPolicy, url: str) -> None:
        self._client = HttpClient(http, self.name, ["127.0.0.1"], loopback_is_allowed=True)
        self._url = url

    def close(self) -> None:
        self._client.close()

    def listings(self) -> pl.DataFrame:
        known = load_provider("bokeh").listings().filter(pl.col("ticker").is_in(TICKERS))
        return known.select(list(LISTING_SCHEMA))

    def daily_bars(self, tickers: Any, first: date, last: date) -> pl.DataFrame:
        def fetch(ticker: str) -> pl.DataFrame:
            answer = self._client.get(f"{self._url}/bars/{ticker}", {"first": str(first), "last": str(last)})
            text = pl.DataFrame(
                json.loads(answer.body)["bars"], schema={**BARS.schema, "session_date": pl.String}
            )
            return text.with_columns(pl.col("session_date").str.to_date())

        parts, refused = each_ticker(tickers, fetch)
        return whole_or_partial(self.name, pl.concat([BARS.clear(), *parts.values()]), parts, refused)

    def corporate_actions(self, tickers: Any, first: date, last: date) -> None:
        return None


def rows_of(request: Seen) -> Reply:
    """The bars that the request asks for."""
    span = [date.fromisoformat(request.query[name][0]) for name in ("first", "last")]
    wanted = (pl.col("ticker") == request.path.rpartition("/")[2]) & pl.col("session_date").is_between(*span)
    return Reply(json.loads(json.dumps({"bars": BARS.filter(wanted).to_dicts()}, default=str)))


class World:
    """A server whose answers a test replaces, and the graph in front of it."""

    def __init__(self, folder: Path, server: Loopback) -> None:
        self.server, self.folder, self.time = server, folder, VirtualTime()

    @contextmanager
    def graph(self) -> Iterator[Built]:
        """The graph as a new process would have it: nothing in memory, the journal and the warehouse on disk."""
        http = policy_in(self.time, Journal(self.folder / "calls.sqlite", self.time))
        overrides = {"ingestion.first_session": "2013-02-25", "ingestion.last_session": "2013-02-28"}
        provider = WebBars(http, self.server.url)
        try:
            resources = {"http": http, "market_data": provider, "clock": self.time}
            with built(self.folder, overrides, **resources) as graph:
                keeper = WarehouseIOManager(graph.warehouse, graph.settings.scenario_id, self.time)
                yield with_jobs(graph, [], **resources, io_manager=keeper)
        finally:
            provider.close()
            http.journal.close()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(policies, "_RETRY_SECONDS", 0)
    with serving(rows_of) as server:
        yield World(tmp_path, server)


def run(graph: Built, asset: str, first: date = FIRST, last: date = LAST) -> dg.ExecuteInProcessResult:
    """One asset over a range, in this process."""
    job = graph.definitions.resolve_implicit_global_asset_job_def()
    tags = {
        "dagster/asset_partition_range_start": str(first),
        "dagster/asset_partition_range_end": str(last),
    }
    return job.execute_in_process(
        instance=graph.instance, asset_selection=[dg.AssetKey(asset)], tags=tags, raise_on_error=False
    )


def outcomes(graph: Built) -> list[tuple[str, int]]:
    return graph.warehouse.read("SELECT outcome, count(*) n FROM provider_calls GROUP BY 1 ORDER BY 1").rows()


def test_calls_are_rows_a_gap_asks_for_itself_and_a_ticker_that_is_gone_leaves_the_others(
    world: World,
) -> None:
    with world.graph() as graph:
        assert run(graph, "security_listings").success
        first = run(graph, "market_prices", FIRST, date(2013, 2, 26))
        assert first.success
        calls = graph.warehouse.read("SELECT * FROM provider_calls ORDER BY endpoint")
        assert calls["endpoint"].to_list() == [f"GET 127.0.0.1/bars/{ticker}" for ticker in TICKERS]
        assert set(calls["run_id"]) == {first.run_id}
        assert set(graph.warehouse.read("SELECT source FROM market_prices")["source"]) == {"web"}
        world.server.seen.clear()
        gone = Reply({"error": "unknown symbol"}, status=404)
        world.server.answer = lambda request: gone if "IBM" in request.path else rows_of(request)
        assert run(graph, "market_prices", date(2013, 2, 27), LAST).success
        asked = {(request.query["first"][0], request.query["last"][0]) for request in world.server.seen}
        assert asked == {("2013-02-27", "2013-02-28")}
        counts = graph.warehouse.read(
            "SELECT ticker, count(*) n FROM market_prices GROUP BY 1 ORDER BY 1"
        ).rows()
        assert counts == [("AAPL", 4), ("GOOG", 4), ("IBM", 2), ("MSFT", 4)]
        assert outcomes(graph) == [("not_found", 1), ("ok", 7)]
        told = graph.instance.fetch_observations(dg.AssetKey("market_prices"), limit=5).records
        assert "not_found: IBM" in str(told[0].asset_observation.description)


def test_a_failed_run_keeps_its_calls_the_next_goes_on_there_and_a_finished_one_asks_again(
    world: World,
) -> None:
    with world.graph() as graph:
        assert run(graph, "security_listings").success
        world.server.answer = lambda r: (
            rows_of(r) if "AAPL" in r.path or "GOOG" in r.path else Reply(status=503)
        )
        assert not run(graph, "market_prices").success
        assert graph.warehouse.scalar("SELECT count(*) FROM market_prices") == 0
        assert ("ok", 2) in outcomes(graph)
        assert {"unavailable", "circuit_open"} <= {outcome for outcome, _ in outcomes(graph)}
    world.server.answer = rows_of
    world.server.seen.clear()
    with world.graph() as graph:
        assert run(graph, "market_prices").success
        assert sorted(r.path for r in world.server.seen) == ["/bars/IBM", "/bars/MSFT"]
        bars = graph.warehouse.read("SELECT * FROM market_prices ORDER BY ALL")
        assert bars.height == 16
        assert dict(outcomes(graph))["cached"] == 6  # two in each retry of the step, two in this run
        world.server.seen.clear()
        world.time.sleep(60)
        assert run(graph, "market_prices").success
        assert len(world.server.seen) == 4
        assert graph.warehouse.read("SELECT * FROM market_prices ORDER BY ALL").equals(bars)
        assert graph.warehouse.scalar("SELECT count(*) FROM market_price_revisions") == 0


class LivedTime(VirtualTime):
    """Virtual time from the evening of the first session on."""

    def now(self) -> datetime:
        return datetime(2013, 2, 25, 21, 40, tzinfo=UTC) + timedelta(seconds=self.seconds)


def test_an_audit_in_parts_hands_each_call_over_once(world: World) -> None:
    def corrected(request: Seen) -> Reply:
        bars = rows_of(request).body["bars"]
        for bar in bars:
            if "IBM" in request.path and bar["session_date"] == str(FIRST):
                bar["close"] = (bar["low"] + bar["high"]) / 2
        return Reply({"bars": bars})

    world.time = LivedTime()
    with world.graph() as graph:
        assert run(graph, "security_listings").success
        assert run(graph, "market_prices", FIRST, FIRST).success
        world.time.sleep(43 * 3_600)
        world.server.answer = corrected
        assert run(graph, "market_prices", FIRST, date(2013, 2, 26)).success
        assert graph.warehouse.scalar("SELECT count(*) FROM market_price_revisions") == 1
        world.time.sleep(29 * 3_600)
        assert run(graph, "market_prices", date(2013, 2, 27), LAST).success
        before = graph.warehouse.scalar("SELECT count(*) FROM provider_calls")
        assert run(
            graph, "quality_findings"
        ).success  # in two parts: before the correction was known, and after
        calls = graph.warehouse.scalar("SELECT count(*) FROM provider_calls")
        assert calls == before + 2 * len(TICKERS)


@pytest.mark.slow
def test_a_run_that_is_killed_leaves_its_calls_and_the_next_asks_for_the_rest(world: World) -> None:
    with world.graph() as graph:
        assert run(graph, "security_listings").success
    reached, hold = threading.Event(), threading.Event()

    def answer(request: Seen) -> Reply:
        if "IBM" in request.path:
            reached.set()
            hold.wait(60)
        return rows_of(request)

    world.server.answer = answer
    code = (
        "from pathlib import Path; from types import SimpleNamespace; from tests.graph.test_provider_calls import World, run\n"
        f"world = World(Path({str(world.folder)!r}), SimpleNamespace(url={world.server.url!r}))\n"
        "with world.graph() as graph: run(graph, 'market_prices')\n"
    )
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code], cwd=root, env={**os.environ, "PYTHONPATH": str(root)},
        stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        assert reached.wait(120)
        process.kill()
    hold.set()
    world.server.answer = rows_of
    world.server.seen.clear()
    with world.graph() as graph:
        assert graph.warehouse.scalar("SELECT count(*) FROM market_prices") == 0
        assert run(graph, "market_prices").success
        assert sorted(r.path for r in world.server.seen) == ["/bars/IBM", "/bars/MSFT"]
        assert graph.warehouse.scalar("SELECT count(*) FROM market_prices") == 16
        assert outcomes(graph) == [("cached", 2), ("ok", 4)]
        assert graph.warehouse.scalar("SELECT count(DISTINCT run_id) FROM provider_calls") == 2


@pytest.mark.slow
def test_yahoo_by_settings_alone_fills_the_tables_and_the_calls(tmp_path: Path) -> None:
    days = [date(2013, 2, day) for day in (25, 26, 27, 28)]
    charts = {
        "ACME": Chart(bars_of(days), dividends={days[2]: 0.5}),
        "ELSE": Chart(bars_of(days, 50.0), splits={days[3]: (2, 1)}),
    }
    with yahoo_on(tmp_path, FakeYahoo(charts), policy_in(VirtualTime())) as (_, server):
        settings = {
            "ingestion.first_session": str(FIRST),
            "ingestion.last_session": str(LAST),
            "ingestion.provider": "yahoo",
            "ingestion.provider_options": {
                "tickers": list(charts), "server": f"127.0.0.1:{server.port}",
                "ca_file": str(tmp_path / "authority.pem"),
            },
            "http.requests_per_minute": 60_000.0,
        }  # fmt: skip
        with built(tmp_path, settings) as graph:
            for asset in ("security_listings", "market_prices", "corporate_actions"):
                assert run(graph, asset).success
            closes = graph.warehouse.read(
                "SELECT ticker, session_date, close, source FROM market_prices ORDER BY ALL"
            ).rows()
            assert closes[0] == ("ACME", days[0], 100.0, "yahoo")
            assert [row[2] for row in closes if row[0] == "ELSE"] == [100.0, 100.0, 100.0, 50.0]
            actions = graph.warehouse.read(
                "SELECT ticker, ex_date, kind FROM corporate_actions ORDER BY ALL"
            ).rows()
            assert actions == [("ACME", days[2], "dividend"), ("ELSE", days[3], "split")]
            calls = graph.warehouse.read("SELECT endpoint, outcome FROM provider_calls")
            assert "GET query2.finance.yahoo.com/v8/finance/chart/ACME" in calls["endpoint"].to_list()
            graph.definitions.resources["market_data"].close()
            graph.definitions.resources["http"].journal.close()


@pytest.mark.slow
def test_actions_of_a_ticker_that_is_refused_stay(world: World) -> None:
    with world.graph() as graph:
        assert run(graph, "security_listings").success
        assert run(graph, "market_prices").success
        with graph.warehouse.get_connection() as connection:
            connection.execute(
                "INSERT INTO corporate_actions BY NAME SELECT 'IBM' ticker, DATE '2013-02-27' ex_date, 'dividend' "
                "kind, 0.5 cash_amount_usd, 'web' source, now() known_at, true known_at_is_assumed, 'r' run_id"
            )
        gone = Reply({"error": "unknown symbol"}, status=404)
        world.server.answer = lambda request: gone if "IBM" in request.path else rows_of(request)
        assert run(graph, "corporate_actions").success
        kept = graph.warehouse.read("SELECT ticker, cash_amount_usd FROM corporate_actions").rows()
        assert kept == [("IBM", 0.5)]


@pytest.mark.slow
def test_a_provider_without_daily_bars_is_refused_by_name(world: World) -> None:
    with world.graph() as graph:
        assert run(graph, "security_listings").success
    WebBars.capabilities, kept = frozenset({"quotes"}), WebBars.capabilities
    try:
        with world.graph() as graph:
            failed = run(graph, "market_prices")
            (event,) = [e for e in failed.all_events if e.is_step_failure]
            assert "'web' does not offer (it offers quotes)" in str(event.step_failure_data.error)
    finally:
        WebBars.capabilities = kept
    assert errors.SettingsError.is_retryable is False
