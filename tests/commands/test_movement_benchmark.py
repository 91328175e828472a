"""``nextgen benchmark movement`` as people use it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from nextgen_assets.cli import main
from nextgen_assets.commands.movement_benchmark import read_movement
from nextgen_assets.domain.movement import movement_samples
from nextgen_assets.domain.movement_protocols import PROTOCOLS
from tests.domain.test_movement import movement_frame

KDD17 = Path(__file__).parents[3] / "shared" / "data" / "kdd17"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small set over the years of the ACL18 protocol."""
    where = tmp_path_factory.mktemp("movement")
    movement_frame(n_days=740, n_tickers=4, signal=1.0).write_parquet(where / "features_labels.parquet")
    return where


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["benchmark", "movement", *arguments])
    return result.exit_code, result.output


def test_tables_put_ours_beside_the_published_and_the_naive(folder: Path) -> None:
    code, said = run("--data", str(folder), "--protocol", "acl18", "--family", "logistic", "--seeds", "3")
    assert code == 0, said
    for text in ("Adv-ALSTM", "+0.1483", "always up", "reversal 1", "logistic", "Ours less the rival"):
        assert text in said


def test_json_holds_every_seed_and_every_paired_test(folder: Path) -> None:
    families = ("--family", "logistic", "--family", "base_rate")
    code, said = run("--data", str(folder), "--protocol", "acl18", *families, "--seeds", "2", "--json")
    assert code == 0, said
    found = json.loads(said[said.index("{\n") :])
    assert [result["model"] for result in found["ours"]] == ["logistic", "base_rate", "ensemble"]
    logistic, base_rate, _ = found["ours"]
    assert logistic["mcc"]["value"] > 0.2
    assert base_rate["by_seed"]["mcc"] == [0.0]
    assert set(base_rate["over"]) == {"always up", "momentum 10", "reversion 30", "reversal 1", "logistic"}


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "holds no features_labels.parquet"), ("<html>", "cannot be read as Parquet")],
    ids=["no file", "a web page"],
)
def test_a_folder_without_the_set_is_refused(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "features_labels.parquet").write_text(text)
    code, said = run("--data", str(tmp_path), "--protocol", "kdd17")
    assert code == 1
    assert message in said


@pytest.mark.skipif(not KDD17.exists(), reason="the data set kdd17 is not beside the repository")
def test_kdd17_has_the_published_numbers_of_samples() -> None:
    data = read_movement(KDD17)
    for lookback, n_fit in ((5, 64_644), (10, 64_489)):
        samples = movement_samples(data, PROTOCOLS["kdd17"], lookback)
        assert np.bincount(samples.part).tolist() == [n_fit, 8_070, 7_398]
    test = samples.went_up[samples.part == 2]
    assert test.mean() == pytest.approx(0.5285, abs=5e-5)
    assert data.days[0] == (date(2007, 1, 3) - date(1970, 1, 1)).days
    assert pl.read_parquet(KDD17 / "features_labels.parquet")["ticker"].n_unique() == len(data.tickers) == 50
