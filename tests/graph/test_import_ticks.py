"""The job import_ticks in the real graph: apart from the daily work, empty without a folder, idempotent with one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from nextgen_assets.commands.graph_run import RunFailedError
from tests.graph.harness import built

FIRST, LAST = date(2005, 3, 1), date(2005, 3, 4)
DECLARED = """
ticks:
  - {files: "*.csv", format: generic, instrument: EURUSD, hours: fx, options: {columns: [ts, bid, ask], time: iso}}
"""


def minutes(count: int) -> str:
    start = datetime(2005, 3, 1, 15, tzinfo=UTC)
    lines = [
        f"{(start + timedelta(minutes=7 * n)).isoformat(sep=' ')},{1 + n % 50 / 64},{1.01 + n % 50 / 64}"
        for n in range(count)
    ]
    lines[17] = lines[17].replace(",1.", ",9.", 1)
    return "\n".join(lines)


def rows_of(instance: dg.DagsterInstance, asset: str, key: str) -> dict[str, object]:
    (record,) = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=dg.AssetKey(asset), asset_partitions=[key]), limit=1
    ).records
    assert record.asset_materialization is not None
    return {name: value.value for name, value in record.asset_materialization.metadata.items()}


def test_without_a_folder_every_table_is_empty_and_the_run_says_why(tmp_path: Path) -> None:
    with built(tmp_path) as scenario:
        scenario.run("import_ticks", FIRST, LAST)
        for table in ("market_ticks", "bars_mtf", "mtf_state"):
            assert scenario.content(table).is_empty(), table
        said = rows_of(scenario.instance, "market_ticks", str(LAST))
        assert said["folder"] == "none: intraday.folder is not set"


@pytest.mark.slow
def test_job_imports_the_sessions_it_is_asked_for_and_a_second_run_adds_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "intraday.yaml").write_text(DECLARED)
    (folder / "eurusd.csv").write_text(minutes(600))
    with built(tmp_path, {"intraday.folder": str(folder)}) as scenario:
        scenario.run("import_ticks", FIRST, FIRST)
        first = scenario.content("market_ticks")
        assert first["session_date"].unique().to_list() == [FIRST]
        scenario.run("import_ticks", FIRST, LAST)
        everything = scenario.content("market_ticks")
        scenario.run("import_ticks", FIRST, LAST)
        assert scenario.content("market_ticks").equals(everything)
        assert first.height < everything.height == 600 - 1
        said = rows_of(scenario.instance, "market_ticks", str(LAST))
        assert (said["files_read"], said["rows_written"], said["ticks_of_the_sessions"]) == (0, 0, 599)
        (bad,) = scenario.content("quarantine").to_dicts()
        assert (bad["asset"], bad["reason_code"], bad["partition_key"]) == (
            "market_ticks",
            "crossed",
            str(FIRST),
        )


@pytest.mark.slow
def test_bars_of_a_range_and_of_single_sessions_are_the_same_and_no_later_tick_is_in_them(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "intraday.yaml").write_text(DECLARED)
    (folder / "eurusd.csv").write_text(minutes(1_000))
    days = [FIRST, date(2005, 3, 2), date(2005, 3, 3)]
    with built(tmp_path / "range", {"intraday.folder": str(folder)}) as scenario:
        scenario.run("import_ticks", FIRST, LAST)
        whole = {table: scenario.content(table, days[-1]) for table in ("bars_mtf", "mtf_state")}
        assert scenario.content("bars_mtf").height > whole["bars_mtf"].height > 1_000
    (folder / "eurusd.csv").write_text(
        "\n".join(minutes(660).splitlines())
    )  # to the cut-off and a little beyond
    with built(tmp_path / "single", {"intraday.folder": str(folder)}) as scenario:
        for day in (*days, days[1]):
            scenario.run("import_ticks", day, day)
        for table, expected in whole.items():
            assert scenario.content(table).equals(expected), table
        weekly = whole["mtf_state"].filter(pl.col("timeframe") == "1w")
        assert weekly["bar_start"].null_count() == weekly.height == 3
        assert weekly["forming_tick_count"].is_sorted()


def test_folder_without_a_declaration_fails_the_run_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    with (
        built(tmp_path, {"intraday.folder": str(tmp_path / "files")}) as scenario,
        pytest.raises(RunFailedError, match=r"market_ticks: .*has no intraday\.yaml; write one"),
    ):
        scenario.run("import_ticks", FIRST, LAST)


BARS = """
bars:
  - {files: "*.csv", format: csv, instrument: IBM, interval: 1m, hours: exchange,
     options: {columns: [ts, open, high, low, close, volume], time: "%Y-%m-%d %H:%M:%S", zone: America/New_York}}
"""


def test_bars_of_files_become_intraday_prices_and_bars_of_longer_timeframes(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "intraday.yaml").write_text(BARS)
    start = datetime(2005, 3, 1, 9, 25)  # noqa: DTZ001  (the wall clock of New York)
    lines = [
        f"{start + timedelta(minutes=n)},{10 + n % 7},{18 + n % 7},{9 + n % 7},{11 + n % 7},100"
        for n in range(400)
    ]
    lines[50] = lines[50].replace(",9,", ",99,").replace(",10,", ",99,")
    (folder / "ibm.csv").write_text("\n".join(lines))
    with built(tmp_path, {"intraday.folder": str(folder)}) as scenario:
        scenario.run("import_ticks", FIRST, FIRST)
        raw = scenario.content("intraday_prices")
        bad = scenario.content("quarantine")
        assert raw.height + bad.height == 400
        assert bad["reason_code"].to_list() == ["prices_out_of_order"]
        assert raw["is_complete"].all()
        found = scenario.content("bars_mtf")
        assert found["price"].unique().to_list() == ["bars"]
        (day,) = found.filter(pl.col("timeframe") == "1d").to_dicts()
        assert (day["tick_count"], day["volume"]) == (389, 38_900.0)  # of the session, less the bad one
        hours = found.filter(pl.col("timeframe") == "1h")
        assert [str(at)[11:16] for at in hours["bar_start"]] == [f"{hour}:30" for hour in range(14, 21)]
        state = scenario.content("mtf_state").filter(pl.col("timeframe") == "1w")
        assert state.select("bar_start", "forming_tick_count").rows() == [(None, 389)]
