"""Networks that go on from an earlier month, through the real graph: the same rows alone and in a range."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from tests.graph.harness import Built, built

FIRST, LAST = date(2005, 1, 3), date(2006, 4, 28)
MONTHS = [date(2006, month, 1) for month in (1, 2, 3, 4)]
BLOCKS = {
    "models.warm_start_months": 3,
    "models.families": ["base_rate", "lstm"],
    "ingestion.first_session": FIRST,
    "ingestion.last_session": LAST,
}

pytestmark = pytest.mark.slow


def registry(scenario: Built) -> pl.DataFrame:
    return scenario.content("model_registry", day="cutoff_session")


def test_months_one_by_one_and_backwards_give_the_models_of_the_range(tmp_path: Path) -> None:
    with built(tmp_path / "range", BLOCKS) as scenario:
        scenario.run("prepare_inputs", FIRST, LAST)
        scenario.run("train_models", MONTHS[0], MONTHS[-1])
        together = registry(scenario)
        models = Path(scenario.settings.paths.data_dir) / scenario.settings.scenario_id / "models"
        assert not (models / "unfinished").exists()  # what was trained is in the store
    with built(tmp_path / "alone", BLOCKS) as scenario:
        scenario.run("prepare_inputs", FIRST, LAST)
        for month in reversed(MONTHS):
            scenario.run("train_models", month, month)
        assert registry(scenario).equals(together)
    networks = together.filter(pl.col("family") == "lstm").sort("cutoff_session")
    starts = [json.loads(metrics).get("started_from") for metrics in networks["metrics"]]
    ids = networks["model_id"].to_list()
    assert starts == [None, ids[0], ids[0], None]  # blocks begin in January and in April
