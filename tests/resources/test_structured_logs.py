"""The log as JSON lines: what a line says of a real run, that it is one line, and that it tells no secret."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from nextgen_resources.errors import SettingsError
from nextgen_resources.market_data.bokeh import Provider as EmbeddedMarket
from nextgen_resources.settings.loader import load_settings
from nextgen_resources.settings.schema import Settings
from nextgen_resources.structured_logs import HIDDEN, JsonLines, RunLog, handler_of
from tests.graph.harness import built
from tests.graph.servers import PROJECT, as_variables

SECRET = 'sk-canary-"7f\\91'


def settings_with(folder: Path, **more: Any) -> Settings:
    overrides = {
        "paths.data_dir": str(folder / "data"),
        "logs.format": "json",
        "logs.file": str(folder / "log" / "nextgen.jsonl"),
        "credentials.openai_api_key": SECRET,
        **more,
    }
    return load_settings(environ={}, dotenv_path=Path(os.devnull), overrides=overrides)


def lines(folder: Path) -> list[dict[str, Any]]:
    text = (folder / "log" / "nextgen.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


class Speechless(EmbeddedMarket):
    """The embedded provider, but asking for bars fails in a way that nobody foresaw."""

    def daily_bars(self, tickers: Iterable[str], first: date, last: date) -> pl.DataFrame:
        raise ValueError(f"no bars, though asked with {SECRET}")


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The lines of a run of two assets of which the second fails, in the real graph under the shipped dagster.yaml."""
    settings = {
        "logs.format": "json",
        "logs.level": "DEBUG",
        "logs.file": str(tmp_path / "log" / "nextgen.jsonl"),
    }
    monkeypatch.setenv("NEXTGEN__CREDENTIALS__OPENAI_API_KEY", SECRET)
    for name, value in as_variables(settings).items():
        monkeypatch.setenv(name, value)
    home = tmp_path / "shipped"
    home.mkdir()
    shutil.copyfile(PROJECT / "dagster_home" / "dagster.yaml", home / "dagster.yaml")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with (
        built(tmp_path, {"scheduler.retries": 0}, market_data=Speechless()) as scenario,
        dg.DagsterInstance.from_config(str(home)) as instance,
    ):
        job = scenario.definitions.resolve_implicit_global_asset_job_def()
        chosen = [dg.AssetKey("security_listings"), dg.AssetKey("market_prices")]
        result = job.execute_in_process(
            instance=instance, asset_selection=chosen, partition_key="2005-01-03", raise_on_error=False
        )
    assert not result.success
    found = lines(tmp_path)
    assert {line["run_id"] for line in found if "run_id" in line} == {result.run_id}
    return found


def test_lines_of_a_run_name_scenario_run_asset_and_partition(ran: list[dict[str, Any]]) -> None:
    (done,) = [line for line in ran if line.get("event") == "ASSET_MATERIALIZATION"]
    assert (done["scenario_id"], done["asset"], done["partition"]) == (
        "baseline",
        "security_listings",
        "2005-01-03",
    )
    (failed,) = [line for line in ran if line.get("event") == "STEP_FAILURE"]
    assert (failed["asset"], failed["level"]) == ("market_prices", "ERROR")
    assert "Traceback" not in failed["message"]
    assert "market_prices.py" in failed["error"]
    assert f"though asked with {HIDDEN}" in failed["error"]
    assert all(line["run_id"] for line in ran)
    assert all(date.fromisoformat(line["at"][:10]) for line in ran)


def test_line_is_one_line_and_hides_the_values_of_credentials(tmp_path: Path) -> None:
    handler = handler_of(settings_with(tmp_path))
    logger = logging.Logger("nextgen.test")
    logger.addHandler(handler)
    logger.warning("asked with\n%s and %s", SECRET, "Bearer " + SECRET)
    try:
        raise ValueError(f"refused {SECRET}")
    except ValueError:
        logger.exception("it failed")
    text = (tmp_path / "log" / "nextgen.jsonl").read_text()
    assert len(text.splitlines()) == 2
    assert "canary" not in text
    first, second = lines(tmp_path)
    assert first["message"] == f"asked with\n{HIDDEN} and Bearer {HIDDEN}"
    assert f"refused {HIDDEN}" in second["error"]


def test_file_that_was_moved_away_by_a_rotating_program_is_begun_anew(tmp_path: Path) -> None:
    handler = handler_of(settings_with(tmp_path))
    logger = logging.Logger("nextgen.test")
    logger.addHandler(handler)
    logger.info("one")
    (tmp_path / "log" / "nextgen.jsonl").rename(tmp_path / "log" / "nextgen.jsonl.1")
    logger.info("two")
    assert [line["message"] for line in lines(tmp_path)] == ["two"]


def test_text_leaves_the_log_to_dagster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXTGEN__LOGS__FILE", str(tmp_path / "nextgen.jsonl"))
    RunLog().handle(logging.LogRecord("dagster", logging.ERROR, __file__, 1, "no", None, None))
    assert not (tmp_path / "nextgen.jsonl").exists()


def test_level_is_the_least_severe_that_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXTGEN__LOGS__FILE", str(tmp_path / "log" / "nextgen.jsonl"))
    monkeypatch.setenv("NEXTGEN__LOGS__FORMAT", "json")
    monkeypatch.setenv("NEXTGEN__LOGS__LEVEL", "WARNING")
    log = RunLog()
    for level in (logging.INFO, logging.WARNING):
        log.handle(logging.LogRecord("dagster", level, __file__, 1, str(level), None, None))
    assert [line["message"] for line in lines(tmp_path)] == ["30"]


def test_relative_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"logs\.file.*absolute"):
        settings_with(tmp_path, **{"logs.file": "logs/nextgen.jsonl"})


def test_record_without_a_run_has_only_what_it_knows(tmp_path: Path) -> None:
    record = logging.LogRecord("nextgen.serve", logging.INFO, __file__, 1, "ready", None, None)
    found = json.loads(JsonLines(settings_with(tmp_path)).format(record))
    assert set(found) == {"at", "level", "logger", "message", "scenario_id"}
