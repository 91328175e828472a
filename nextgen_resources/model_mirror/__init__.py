"""A copy of the model registry in MLflow, for people who look for models there; this project reads nothing back.

MLflow asks for other versions of libraries than Dagster does, so it is used by an interpreter that has it: its own
environment, or this one where the extra ``mlflow`` fits.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from nextgen_resources.errors import ModelStoreError

_WRITER = Path(__file__).with_name("mlflow_writer.py")
_SCHEMES = ("file", "sqlite", "http", "https")
_PASSED_ON = ("MLFLOW_", "AWS_", "AZURE_", "GOOGLE_", "SSL_", "LC_")
_PASSED_ON_ALONE = {
    "PATH", "HOME", "LANG", "TZ", "TMPDIR", "TEMP", "SYSTEMROOT", "REQUESTS_CA_BUNDLE", "HTTPS_PROXY", "HTTP_PROXY",
    "NO_PROXY", "https_proxy", "http_proxy", "no_proxy",
}  # fmt: skip
_NO_MLFLOW = 3
"""Exit status of the writer when its interpreter has no MLflow."""


class ModelMirrorError(ModelStoreError):
    """MLflow is not there, or refused; what was mirrored before stays, and the same command goes on there."""


@dataclass(frozen=True)
class MirroredModel:
    """What MLflow gets to know of one model.

    Parameters
    ----------
    model_id : str
        Name of the run, and what keeps it from being mirrored twice.
    artifact : Path
        Directory whose files become artifacts; its hash was checked.
    params, tags : mapping of str to str
        Settings and lineage.
    metrics : mapping of str to float
        Finite numbers.
    curve : sequence of (int, float, float)
        Epoch, training loss, validation loss.
    created_at : datetime
        When it was registered, with its zone.
    """

    model_id: str
    artifact: Path
    params: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Mapping[str, float]
    curve: Sequence[tuple[int, float, float]]
    created_at: datetime

    def as_json(self) -> dict[str, object]:
        """As the writer reads it."""
        milliseconds = int(self.created_at.timestamp() * 1000)
        return {**self.__dict__, "artifact": str(self.artifact), "created_at": milliseconds}


@dataclass(frozen=True)
class Mirrored:
    """Ids of the models that were new to MLflow, and of those that it had."""

    added: tuple[str, ...]
    known: tuple[str, ...]
    version: str


@dataclass(frozen=True)
class MlflowMirror:
    """One experiment of one tracking server or store.

    Parameters
    ----------
    tracking_uri : str
        ``file:///…``, ``sqlite:///…``, ``http://…`` or ``https://…``; user name and password belong in
        MLflow's own environment variables.
    experiment : str
        Created where there is none of that name.
    python : str
        Interpreter that has MLflow; '' is the one that runs.
    """

    tracking_uri: str
    experiment: str
    python: str = ""

    def __post_init__(self) -> None:
        parts = urlsplit(self.tracking_uri)
        if parts.scheme not in _SCHEMES:
            raise ModelMirrorError(
                f"tracking URI with scheme {parts.scheme!r}, expected one of {', '.join(_SCHEMES)}; for example "
                "file:///srv/mlruns or http://127.0.0.1:5000"
            )
        if parts.username or parts.password:
            raise ModelMirrorError(
                "the tracking URI holds a user name or password; set MLFLOW_TRACKING_USERNAME and "
                "MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, instead"
            )

    def mirror(self, models: Sequence[MirroredModel]) -> Mirrored:
        """Add the models that the experiment does not have yet.

        Raises
        ------
        ModelMirrorError
            If the interpreter has no MLflow, or MLflow refuses. A run that was cut off is done again.
        """
        python = self.python or sys.executable
        asked = {
            "tracking_uri": self.tracking_uri,
            "experiment": self.experiment,
            "models": [model.as_json() for model in models],
        }
        try:
            done = subprocess.run(
                [python, "-W", "ignore", str(_WRITER)],
                input=json.dumps(asked),
                env=_environment(is_file_store=self.tracking_uri.startswith("file:")),
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError as problem:
            raise ModelMirrorError(
                f"{python!r} cannot be run ({problem}); name an interpreter that has MLflow"
            ) from problem
        if done.returncode == _NO_MLFLOW:
            raise ModelMirrorError(
                f"{python} has no MLflow; make an environment of its own (python -m venv DIRECTORY, then "
                "DIRECTORY/bin/pip install mlflow-skinny) and name its interpreter with --python"
            )
        if done.returncode:
            said = done.stderr.strip().splitlines() or ["it said nothing"]
            raise ModelMirrorError(
                f"MLflow at {self.tracking_uri} did not take the models (exit status {done.returncode}): {said[-1]}"
            )
        answer = json.loads(done.stdout.strip().splitlines()[-1])
        return Mirrored(tuple(answer["added"]), tuple(answer["known"]), str(answer["version"]))


def _environment(*, is_file_store: bool) -> dict[str, str]:
    """What MLflow may know of ours: nothing of this project, least of all its secrets.

    Notes
    -----
    MLflow 3 wants to be told that a store of files is meant; who named one in the tracking URI has said so.
    """
    own = {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED_ON_ALONE or name.startswith(_PASSED_ON)
    }
    own |= {"MLFLOW_ALLOW_FILE_STORE": "true"} if is_file_store else {}
    return own | {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "GIT_PYTHON_REFRESH": "quiet"}
