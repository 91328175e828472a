"""The manifest says of every task what starts it, what it needs and leaves; the page is what the graph says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nextgen_assets.commands.manifest import manifest, manifest_markdown
from nextgen_assets.definitions import ASSET_MODULES
from nextgen_resources.settings.loader import load_settings
from nextgen_resources.settings.schema import Settings

PAGE = Path(__file__).parents[2] / "docs" / "manifest.md"


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load_settings(environ={}, dotenv_path=Path(os.devnull))


def test_every_asset_is_a_task_with_everything_an_operator_asks_for(settings: Settings) -> None:
    tasks = manifest(settings)["tasks"]
    assert {task["name"] for task in tasks} == {
        module.__name__.rpartition(".")[2] for module in ASSET_MODULES
    }
    for task in tasks:
        assert task["cadence"], task["name"]
        assert task["owner"], task["name"]
        assert task["name"] in task["output"]
        assert all(task["output"].values()), task["name"]
        assert task["retries"] == settings.scheduler.retries
        assert task["failover"], task["name"]


def test_every_task_comes_after_what_it_needs(settings: Settings) -> None:
    seen: set[str] = set()
    for task in manifest(settings)["tasks"]:
        assert set(task["needs"]) <= seen, task["name"]
        seen.add(task["name"])


def test_every_starter_names_jobs_that_exist(settings: Settings) -> None:
    found = manifest(settings)
    jobs = {job["name"] for job in found["jobs"]}
    assert {job for starter in found["starters"] for job in starter["jobs"]} <= jobs
    assert {"after_each_session", "after_each_month", "catch_up"} <= {s["name"] for s in found["starters"]}


def test_page_is_what_the_graph_says(settings: Settings) -> None:
    assert PAGE.read_text(encoding="utf-8") == manifest_markdown(settings), (
        "the graph has changed; run `nextgen manifest > docs/manifest.md` and read the difference"
    )
