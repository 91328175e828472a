"""After thirty days of downtime: the oldest stretch first, capped, and no faster than the provider allows."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from nextgen_assets.domain.sessions import xnys
from nextgen_assets.orchestration.catching_up import catch_up
from nextgen_resources.clock import FrozenClock
from nextgen_resources.http.journal import Journal
from nextgen_resources.market_data import load_provider
from tests.graph.harness import Built, built
from tests.graph.test_provider_calls import TICKERS, WebBars
from tests.resources.http.loopback import Reply, Seen, VirtualTime, policy_in, serving

pytestmark = pytest.mark.slow
BEGUN, BACK = date(2005, 2, 28), date(2005, 3, 30)
PER_MINUTE, CAP = 10, 8


def asked(scenario: Built, now: datetime) -> tuple[str, str] | None:
    """The stretch that the sensor asks for at ``now``, as first and last session."""
    resources = {"settings": scenario.settings, "clock": FrozenClock(now)}
    with dg.build_sensor_context(scenario.instance, resources=resources) as context:
        said = catch_up(context)
    if isinstance(said, dg.SkipReason):
        return None
    assert isinstance(said, dg.RunRequest)
    tags = said.tags
    return tags["dagster/asset_partition_range_start"], tags["dagster/asset_partition_range_end"]


def finish(scenario: Built, *sessions: date) -> None:
    for session in sessions:
        event = dg.AssetMaterialization("system_health", partition=str(session))
        scenario.instance.report_runless_asset_event(event)


def test_thirty_days_are_made_up_for_in_order_under_the_rate_limit(tmp_path: Path) -> None:
    time = VirtualTime()
    asked_at: dict[tuple[str, ...], list[float]] = {}
    market = load_provider("bokeh")

    def answer(request: Seen) -> Reply:
        question = (request.path, *request.query["first"], *request.query["last"])
        asked_at.setdefault(question, []).append(time.seconds)
        first, last = (date.fromisoformat(request.query[name][0]) for name in ("first", "last"))
        bars = market.daily_bars([request.path.rpartition("/")[2]], first, last)
        return Reply(json.loads(json.dumps({"bars": bars.to_dicts()}, default=str)))

    overrides = {"ingestion.first_session": str(BEGUN), "scheduler.max_catch_up_sessions": CAP}
    journal = Journal(tmp_path / "calls.sqlite", time)
    http = policy_in(time, journal, requests_per_minute=PER_MINUTE)
    now = datetime(BACK.year, BACK.month, BACK.day, 12, tzinfo=UTC)
    missed = xnys().between(BEGUN + timedelta(days=1), BACK - timedelta(days=1))
    assert len(missed) == 20
    with serving(answer) as server:
        provider = WebBars(http, server.url)
        with built(tmp_path, overrides, http=http, market_data=provider, clock=time) as scenario:
            finish(scenario, BEGUN)
            stretches = []
            while (stretch := asked(scenario, now)) is not None:
                scenario.run(
                    "prepare_inputs",
                    *stretch,
                    assets=["security_listings", "market_prices", "corporate_actions"],
                )
                days = xnys().between(*map(date.fromisoformat, stretch))
                finish(scenario, *days)
                stretches.append(days)
            held = scenario.warehouse.read("SELECT DISTINCT session_date FROM market_prices ORDER BY 1")
        provider.close()
        journal.close()
    assert [len(days) for days in stretches] == [8, 8, 4]
    assert [day for days in stretches for day in days] == missed == held["session_date"].to_list()
    # of each stretch: the bars behind the listings' volumes, and the bars themselves
    assert len(asked_at) == 2 * len(TICKERS) * len(stretches)
    gaps = pl.Series(sorted(once for [once] in asked_at.values())).diff().drop_nulls()
    assert gaps.min() >= 60 / PER_MINUTE - 1e-9
