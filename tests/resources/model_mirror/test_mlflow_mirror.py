"""The mirror in MLflow: a real file store, written by a real MLflow where an interpreter has one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import pytest

from nextgen_resources.model_mirror import MirroredModel, MlflowMirror, ModelMirrorError

PYTHON = os.environ.get("NEXTGEN_MLFLOW_PYTHON", "")
READ = """
import json, sys, mlflow
client = mlflow.MlflowClient(tracking_uri=sys.argv[1])
experiment = client.get_experiment_by_name(sys.argv[2])
found = []
for run in client.search_runs([experiment.experiment_id]):
    folder = client.download_artifacts(run.info.run_id, "model")
    curve = [[p.step, p.value] for p in client.get_metric_history(run.info.run_id, "validation_loss")]
    found.append({"name": run.info.run_name, "status": run.info.status, "params": run.data.params,
                  "metrics": run.data.metrics, "tags": run.data.tags, "folder": folder, "curve": curve})
print(json.dumps(found))
"""
CUT_OFF = """
import sys, mlflow
client = mlflow.MlflowClient(tracking_uri=sys.argv[1])
experiment = client.create_experiment(sys.argv[2])
client.create_run(experiment, tags={"nextgen.model_id": "a" * 32})
"""


@lru_cache(maxsize=1)
def has_mlflow() -> bool:
    """Whether the named interpreter, or this one, can import MLflow."""
    done = subprocess.run([PYTHON or sys.executable, "-c", "import mlflow"], capture_output=True, check=False)
    return done.returncode == 0


@pytest.fixture
def target(tmp_path: Path) -> MlflowMirror:
    """An experiment in a file store of its own."""
    if not has_mlflow():
        pytest.skip("no MLflow: name an interpreter that has mlflow-skinny in NEXTGEN_MLFLOW_PYTHON")
    return MlflowMirror((tmp_path / "mlruns").as_uri(), "nextgen test", PYTHON)


def model(tmp_path: Path, letter: str = "a") -> MirroredModel:
    artifact = tmp_path / "store" / letter
    artifact.mkdir(parents=True, exist_ok=True)
    (artifact / "manifest.json").write_text(f'{{"letter": "{letter}"}}')
    (artifact / "arrays.safetensors").write_bytes(bytes(range(256)))
    params = {f"config.{number}": str(number) for number in range(130)}  # more than one request takes
    curve = [(1, 0.7, 0.71), (2, 0.65, 0.69)]
    at = datetime(2013, 3, 1, 12, tzinfo=UTC)
    return MirroredModel(
        letter * 32,
        artifact,
        params,
        {"nextgen.family": "lstm"},
        {"validation.log_loss.value": 0.69},
        curve,
        at,
    )


def read(target: MlflowMirror, program: str = READ) -> str:
    done = subprocess.run(
        [PYTHON or sys.executable, "-W", "ignore", "-c", program, target.tracking_uri, target.experiment],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"MLFLOW_ALLOW_FILE_STORE": "true", "GIT_PYTHON_REFRESH": "quiet"},
    )
    return done.stdout


def test_a_model_is_a_finished_run_with_its_params_metrics_curve_tags_and_files(
    tmp_path: Path, target: MlflowMirror
) -> None:
    one = model(tmp_path)
    done = target.mirror([one])
    assert (done.added, done.known) == ((one.model_id,), ())
    (run,) = json.loads(read(target))
    assert (run["name"], run["status"]) == (one.model_id, "FINISHED")
    assert run["params"] == one.params
    assert run["metrics"]["validation.log_loss.value"] == 0.69
    assert run["curve"] == [[1, 0.71], [2, 0.69]]
    assert run["tags"]["nextgen.family"] == "lstm"
    for file in one.artifact.iterdir():
        assert Path(run["folder"], file.name).read_bytes() == file.read_bytes()


def test_a_second_time_adds_what_is_new_and_a_run_that_was_cut_off_is_done_again(
    tmp_path: Path, target: MlflowMirror
) -> None:
    read(target, CUT_OFF)
    one, two = model(tmp_path), model(tmp_path, "b")
    assert target.mirror([one]).added == (one.model_id,)
    again = target.mirror([one, two])
    assert (again.added, again.known) == ((two.model_id,), (one.model_id,))
    assert sorted(run["name"] for run in json.loads(read(target))) == [one.model_id, two.model_id]


def test_a_store_that_refuses_is_an_error_with_what_it_said(tmp_path: Path, target: MlflowMirror) -> None:
    (tmp_path / "a file").write_text("")
    refused = MlflowMirror((tmp_path / "a file" / "below").as_uri(), "nextgen test", target.python)
    with pytest.raises(
        ModelMirrorError, match=r"did not take the models \(exit status 1\): NotADirectoryError"
    ):
        refused.mirror([model(tmp_path)])


def test_an_interpreter_without_mlflow_is_named_with_what_to_do(tmp_path: Path) -> None:
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')
    bare.chmod(0o755)
    with pytest.raises(ModelMirrorError, match="has no MLflow; make an environment of its own"):
        MlflowMirror(tmp_path.as_uri(), "nextgen test", str(bare)).mirror([model(tmp_path)])
    with pytest.raises(ModelMirrorError, match="cannot be run"):
        MlflowMirror(tmp_path.as_uri(), "nextgen test", str(tmp_path / "nothing")).mirror([])


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("/srv/mlruns", "scheme ''"),
        ("javascript:alert(1)", "scheme 'javascript'"),
        ("https://name:word@mlflow.example", "MLFLOW_TRACKING_PASSWORD"),
    ],
)
def test_a_place_that_cannot_be_is_refused_and_no_password_repeated(uri: str, said: str) -> None:
    with pytest.raises(ModelMirrorError, match=said) as refused:
        MlflowMirror(uri, "nextgen test")
    assert "word@" not in str(refused.value)


def test_the_writer_gets_no_secret_of_this_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spy = tmp_path / "python"
    spy.write_text(
        f'#!/bin/sh\nenv > {tmp_path}/env\ncat > /dev/null\necho \'{{"added": [], "known": [], "version": "0"}}\'\n'
    )
    spy.chmod(0o755)
    monkeypatch.setenv("NEXTGEN__ALERTS__TOKEN", "hush")
    monkeypatch.setenv("OPENAI_API_KEY", "hush")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "meant for it")
    MlflowMirror(tmp_path.as_uri(), "nextgen test", str(spy)).mirror([])
    seen = (tmp_path / "env").read_text()
    assert "hush" not in seen
    assert "MLFLOW_TRACKING_TOKEN=meant for it" in seen
