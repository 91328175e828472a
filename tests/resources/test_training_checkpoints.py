"""Checkpoints on disk: whole or not there."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from nextgen_resources.training_checkpoints import CheckpointKeyError, TrainingCheckpoints

ARRAYS = {"weights": np.arange(6, dtype=np.float32).reshape(2, 3), "numbers": np.array([1, 2])}


def test_what_was_saved_last_comes_back(tmp_path: Path) -> None:
    checkpoints = pickle.loads(pickle.dumps(TrainingCheckpoints(tmp_path / "unfinished")))
    assert checkpoints.load("a-lstm") is None
    checkpoints.save("a-lstm", {"weights": np.zeros(2)})
    checkpoints.save("a-lstm", ARRAYS)
    found = checkpoints.load("a-lstm")
    assert set(found) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        assert (found[name] == array).all()
    assert [path.name for path in (tmp_path / "unfinished").iterdir()] == ["a-lstm.checkpoint"]
    checkpoints.clear()
    assert checkpoints.load("a-lstm") is None


@pytest.mark.parametrize("cut", [0, 10, 40, -1])
def test_half_a_file_counts_as_none(tmp_path: Path, cut: int) -> None:
    checkpoints = TrainingCheckpoints(tmp_path)
    checkpoints.save("a", ARRAYS)
    path = tmp_path / "a.checkpoint"
    path.write_bytes(path.read_bytes()[:cut])
    assert checkpoints.load("a") is None


@pytest.mark.parametrize("key", ["", "../a", "a/b", "a.b", "a" * 201])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, key: str) -> None:
    for use in (
        TrainingCheckpoints(tmp_path).load,
        lambda name: TrainingCheckpoints(tmp_path).save(name, ARRAYS),
    ):
        with pytest.raises(CheckpointKeyError, match="letters, digits, dashes and underscores"):
            use(key)
