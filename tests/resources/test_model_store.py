"""Artifacts by content: what is loaded is what was saved, or nothing."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nextgen_resources.errors import ModelStoreError, NextGenError
from nextgen_resources.model_store import (
    ARRAYS_FILE,
    MANIFEST_FILE,
    ArtifactContentError,
    ArtifactHashError,
    ArtifactMissingError,
    ArtifactPathError,
    ModelStore,
)

ARRAYS = {
    "scaler.mean": np.linspace(-1, 1, 7),
    "model.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "scaler.constant_features": np.array([], dtype=np.int64),
    "model.flag": np.array(True),
}
MANIFEST = {"family": "lstm", "config": {"epochs": 3}, "scope": ["AAPL"], "note": "größer"}


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


def test_an_artifact_is_read_back_bit_for_bit(store: ModelStore) -> None:
    path, sha256 = store.save(ARRAYS, MANIFEST)
    arrays, manifest = store.load(path, sha256)
    assert path == f"{sha256[:2]}/{sha256}"
    assert manifest == MANIFEST
    assert set(arrays) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        assert arrays[name].shape == array.shape
        assert arrays[name].tobytes() == array.tobytes()


def test_the_hash_depends_on_content_and_not_on_order_or_layout(store: ModelStore, tmp_path: Path) -> None:
    turned = {name: ARRAYS[name] for name in reversed(ARRAYS)}
    turned["model.weight"] = np.asfortranarray(turned["model.weight"])
    saved = store.save(ARRAYS, MANIFEST)
    assert ModelStore(tmp_path / "other").save(turned, dict(reversed(MANIFEST.items()))) == saved


def test_the_hash_is_the_same_in_another_process(store: ModelStore, tmp_path: Path) -> None:
    code = (
        "import numpy as np, sys; from pathlib import Path;"
        "from nextgen_resources.model_store import ModelStore;"
        "print(ModelStore(Path(sys.argv[1])).save({'b': np.ones(3), 'a': np.zeros(2)}, {'y': 1, 'x': 2})[1])"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "77"}
    command = [sys.executable, "-c", code, str(tmp_path / "elsewhere")]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=60)
    assert printed.stdout.strip() == store.save({"a": np.zeros(2), "b": np.ones(3)}, {"x": 2, "y": 1})[1]


@pytest.mark.parametrize("change", ["array", "type", "manifest"])
def test_any_change_gives_another_hash(store: ModelStore, change: str) -> None:
    arrays, manifest = dict(ARRAYS), dict(MANIFEST)
    if change == "array":
        arrays["scaler.mean"] = np.nextafter(ARRAYS["scaler.mean"], 2.0)
    elif change == "type":
        arrays["model.weight"] = ARRAYS["model.weight"].astype(np.float64)
    else:
        manifest["family"] = "logistic"
    assert store.save(arrays, manifest)[1] != store.save(ARRAYS, MANIFEST)[1]


def test_saving_again_writes_nothing_new(store: ModelStore) -> None:
    path, _ = store.save(ARRAYS, MANIFEST)
    before = (store.root / path / ARRAYS_FILE).stat().st_mtime_ns
    store.save(ARRAYS, MANIFEST)
    assert (store.root / path / ARRAYS_FILE).stat().st_mtime_ns == before
    assert len(list(store.root.rglob("*"))) == 4  # digits, artifact, two files


@pytest.mark.parametrize("name", [ARRAYS_FILE, MANIFEST_FILE])
def test_a_changed_byte_is_refused_on_loading_and_on_saving_again(store: ModelStore, name: str) -> None:
    path, sha256 = store.save(ARRAYS, MANIFEST)
    file = store.root / path / name
    content = bytearray(file.read_bytes())
    content[-2] ^= 1
    file.write_bytes(content)
    with pytest.raises(ArtifactHashError, match=rf"registered is {sha256}; do not use it"):
        store.load(path, sha256)
    with pytest.raises(ArtifactHashError):
        store.save(ARRAYS, MANIFEST)


def test_another_artifact_under_the_registered_hash_is_refused(store: ModelStore) -> None:
    path, _ = store.save(ARRAYS, MANIFEST)
    _, other = store.save(ARRAYS, {"family": "other"})
    with pytest.raises(ArtifactHashError):
        store.load(path, other)


def test_a_missing_artifact_says_what_to_do(store: ModelStore) -> None:
    sha256 = "ab" * 32
    with pytest.raises(ArtifactMissingError, match="train the cut-off again"):
        store.load(f"ab/{sha256}", sha256)


@pytest.mark.parametrize("path", ["../secrets", "/etc/passwd", "ab/../../x", "ab/model.pkl", "", "ab\\cd"])
def test_paths_that_the_store_never_gave_out_are_refused(store: ModelStore, path: str) -> None:
    store.save(ARRAYS, MANIFEST)
    with pytest.raises(ArtifactPathError, match="expected two digits"):
        store.load(path, "ab" * 32)


def test_a_link_out_of_the_store_is_refused(store: ModelStore, tmp_path: Path) -> None:
    path, sha256 = store.save(ARRAYS, MANIFEST)
    outside = tmp_path / "outside"
    (store.root / path).rename(outside)
    (store.root / path).symlink_to(outside, target_is_directory=True)
    with pytest.raises(ArtifactPathError, match="outside"):
        store.load(path, sha256)


def test_a_file_linked_from_outside_is_refused(store: ModelStore, tmp_path: Path) -> None:
    path, sha256 = store.save(ARRAYS, MANIFEST)
    (store.root / path / MANIFEST_FILE).rename(tmp_path / "manifest")
    (store.root / path / MANIFEST_FILE).symlink_to(tmp_path / "manifest")
    with pytest.raises(ArtifactPathError, match="outside"):
        store.load(path, sha256)


def test_a_pickle_beside_or_instead_of_the_arrays_is_refused(store: ModelStore) -> None:
    path, sha256 = store.save(ARRAYS, MANIFEST)
    (store.root / path / "weights.pkl").write_bytes(pickle.dumps([1]))
    with pytest.raises(ArtifactContentError, match=r"weights\.pkl"):
        store.load(path, sha256)
    (store.root / path / "weights.pkl").unlink()
    (store.root / path / ARRAYS_FILE).write_bytes(pickle.dumps([1]))
    with pytest.raises(ArtifactHashError):
        store.load(path, sha256)


@pytest.mark.parametrize(
    ("arrays", "match"),
    [
        ({"a": np.array([object()])}, "never used"),
        ({"a": np.array(["text"])}, "numbers or booleans"),
        ({"a": [1.0, 2.0]}, "of type list"),
        ({"../a": np.ones(1)}, "letters"),
        ({}, "at least one"),
    ],
)
def test_arrays_that_would_need_pickle_are_refused(store: ModelStore, arrays: dict, match: str) -> None:
    with pytest.raises(ArtifactContentError, match=match):
        store.save(arrays, MANIFEST)
    assert not store.root.exists()


@pytest.mark.parametrize("value", [float("nan"), object()])
def test_a_manifest_that_is_not_json_is_refused(store: ModelStore, value: object) -> None:
    with pytest.raises(ArtifactContentError, match="not JSON"):
        store.save(ARRAYS, {"value": value})


def test_a_write_that_fails_half_way_leaves_no_artifact(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", broken)
        with pytest.raises(OSError, match="No space left"):
            store.save(ARRAYS, MANIFEST)
    assert [entry for entry in store.root.rglob("*") if entry.is_file()] == []
    path, sha256 = store.save(ARRAYS, MANIFEST)
    assert store.load(path, sha256)[1] == MANIFEST


def test_the_manifest_is_readable_json(store: ModelStore) -> None:
    path, _ = store.save(ARRAYS, MANIFEST)
    assert json.loads((store.root / path / MANIFEST_FILE).read_text(encoding="utf-8")) == MANIFEST


def test_its_errors_are_of_the_project_and_not_retryable() -> None:
    for error in (ArtifactMissingError, ArtifactHashError, ArtifactPathError, ArtifactContentError):
        assert issubclass(error, ModelStoreError)
        assert issubclass(error, NextGenError)
        assert not error.is_retryable
