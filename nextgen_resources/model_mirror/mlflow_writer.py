"""Writes models into MLflow: run by an interpreter that has it, with a JSON document on standard input.

The document names ``tracking_uri``, ``experiment`` and ``models``; the answer is one line of JSON with the ids that were
``added`` and those that were ``known``. Imports nothing of this project, which that interpreter need not have.
"""

from __future__ import annotations

import json
import sys
from typing import Any

MODEL_ID = "nextgen.model_id"
NO_MLFLOW = 3
_PARAMS_AT_ONCE, _METRICS_AT_ONCE = 100, 1000
"""What the protocol takes in one request."""


def main() -> int:
    """Read, write, answer."""
    try:
        import mlflow
    except ImportError:
        return NO_MLFLOW
    asked = json.load(sys.stdin)
    client = mlflow.MlflowClient(tracking_uri=asked["tracking_uri"])
    experiment = experiment_of(client, asked["experiment"])
    known = complete_runs(client, experiment)
    added = [model["model_id"] for model in asked["models"] if model["model_id"] not in known]
    for model in asked["models"]:
        if model["model_id"] not in known:
            write(client, experiment, model)
    kept = [model["model_id"] for model in asked["models"] if model["model_id"] in known]
    print(json.dumps({"added": added, "known": kept, "version": mlflow.__version__}))
    return 0


def experiment_of(client: Any, name: str) -> str:
    """The id of the experiment, new or not."""
    found = client.get_experiment_by_name(name)
    return str(client.create_experiment(name) if found is None else found.experiment_id)


def complete_runs(client: Any, experiment: str) -> set[str]:
    """Ids of the models whose runs are finished; a run that was cut off is removed, to be written again."""
    known, page = set(), None
    while True:
        runs = client.search_runs([experiment], max_results=1000, page_token=page)
        for run in runs:
            model_id = run.data.tags.get(MODEL_ID)
            if model_id is None:
                continue
            if run.info.status == "FINISHED":
                known.add(model_id)
            else:
                client.delete_run(run.info.run_id)
        page = runs.token
        if not page:
            return known


def write(client: Any, experiment: str, model: dict[str, Any]) -> None:
    """One run: parameters, tags, metrics with the learning curve by epoch, and the files of the artifact."""
    from mlflow.entities import Metric, Param, RunTag

    at = model["created_at"]
    run = client.create_run(
        experiment, start_time=at, tags={MODEL_ID: model["model_id"]}, run_name=model["model_id"]
    )
    run_id = run.info.run_id
    metrics = [Metric(name, value, at, 0) for name, value in model["metrics"].items()]
    for epoch, training, validation in model["curve"]:
        metrics += [
            Metric("training_loss", training, at, epoch),
            Metric("validation_loss", validation, at, epoch),
        ]
    for begin in range(0, len(metrics), _METRICS_AT_ONCE):
        client.log_batch(run_id, metrics=metrics[begin : begin + _METRICS_AT_ONCE])
    params = [Param(name, value) for name, value in model["params"].items()]
    for begin in range(0, len(params), _PARAMS_AT_ONCE):
        client.log_batch(run_id, params=params[begin : begin + _PARAMS_AT_ONCE])
    client.log_batch(run_id, tags=[RunTag(name, value) for name, value in model["tags"].items()])
    client.log_artifacts(run_id, model["artifact"], "model")
    client.set_terminated(run_id, "FINISHED", end_time=at)


if __name__ == "__main__":
    sys.exit(main())
