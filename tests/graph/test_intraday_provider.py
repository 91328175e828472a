"""Bars within the day from the real Yahoo client in the real graph, its server on this machine."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests.graph.harness import built
from tests.graph.test_provider_calls import run
from tests.resources.http.loopback import Reply, VirtualTime, policy_in
from tests.resources.market_data.yahoo_server import Chart, FakeYahoo, yahoo_on

DAY = date(2013, 2, 28)
SETTINGS = {
    "ingestion.first_session": str(DAY),
    "ingestion.last_session": str(DAY),
    "intraday.provider_interval": "5m",
    "intraday.timeframes": ["5m", "1d"],
}


def at(hour: int, minute: int) -> datetime:
    return datetime(DAY.year, DAY.month, DAY.day, hour, minute, tzinfo=UTC)


@pytest.mark.slow
def test_bars_of_the_provider_fill_intraday_prices_and_every_call_of_the_run_is_a_row(tmp_path: Path) -> None:
    rows = [
        (at(14, 30), 10.0, 10.5, 9.5, 10.25, 10.25, 100),
        (at(14, 35), 10.25, 10.5, 10.0, 10.5, 10.5, 50),
        (at(14, 40), 10.25, 10.0, 10.0, 10.5, 10.5, 50),  # its high is not the highest price
    ]
    chart = Chart(rows, stamps=lambda moment: int(moment.timestamp()))
    yahoo, time = FakeYahoo({"ACME": chart, "GONE": chart}), VirtualTime()
    http = policy_in(time)
    with (
        yahoo_on(tmp_path, yahoo, http, tickers=["ACME", "GONE"]) as (provider, _),
        built(tmp_path, SETTINGS, market_data=provider, http=http, clock=time) as graph,
    ):
        listed = run(graph, "security_listings")
        assert listed.success
        calls = graph.warehouse.read("SELECT run_id, endpoint FROM provider_calls")
        assert set(calls["run_id"]) == {listed.run_id}
        assert "GET query2.finance.yahoo.com/v8/finance/chart/ACME" in calls["endpoint"].to_list()
        assert run(graph, "ticker_universe").success
        yahoo.special["/chart/GONE"] = Reply({"chart": {"result": None, "error": {"code": "Not Found"}}}, 404)
        first, again = (run(graph, "intraday_prices") for _ in range(2))
        assert first.success
        assert again.success
        found = graph.warehouse.read("SELECT * FROM intraday_prices ORDER BY bar_start")
        assert found.select("ticker", "interval", "bar_start", "close", "source", "session_date").rows() == [
            ("ACME", "5m", at(14, 30), 10.25, "yahoo", DAY),
            ("ACME", "5m", at(14, 35), 10.5, "yahoo", DAY),
        ]
        outcomes = graph.warehouse.read(
            "SELECT DISTINCT outcome FROM provider_calls WHERE run_id = $run ORDER BY 1", run=first.run_id
        )
        assert outcomes["outcome"].to_list() == ["not_found", "ok"]
        bad = graph.warehouse.read("SELECT asset, source, reason_code FROM quarantine").rows()
        assert bad == [("intraday_prices", "yahoo", "prices_out_of_order")]
        assert run(graph, "bars_mtf").success
        day = graph.warehouse.read("SELECT open, high, close, volume FROM bars_mtf WHERE timeframe = '5m'")
        assert day.rows() == [(10.0, 10.5, 10.25, 100.0), (10.25, 10.5, 10.5, 50.0)]
