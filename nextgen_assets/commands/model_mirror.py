"""``nextgen models mirror``: every registered model as a run of an MLflow experiment."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import click

from nextgen_resources.model_mirror import MirroredModel, MlflowMirror
from nextgen_resources.model_store import ModelStore
from nextgen_resources.settings.schema import Settings

_DATES = (
    "first_training_session", "last_training_session", "cutoff_session", "labels_end_session",
    "scaler_fitted_until_session",
)  # fmt: skip
_NUMBERS = ("horizon_sessions", "window_count", "seed", "trials_to_date")


@click.command()
@click.option(
    "--tracking-uri",
    envvar="MLFLOW_TRACKING_URI",
    help="file:///…, sqlite:///…, http://… or https://…; default: the folder mlruns of the scenario.",
)
@click.option("--experiment", help="Name of the experiment; default: nextgen and the scenario.")
@click.option(
    "--python",
    envvar="NEXTGEN_MLFLOW_PYTHON",
    default="",
    help="Interpreter that has MLflow (mlflow-skinny); default: the one that runs.",
)
@click.pass_obj
def mirror(settings: Settings, tracking_uri: str | None, experiment: str | None, python: str) -> None:
    """Copy what is registered into MLflow: params, metrics, learning curves, artifacts, tags.

    What is there already stays as it is, so the command may run after every training. Nothing is read back.
    """
    from nextgen_assets.definitions import warehouse_of

    uri = tracking_uri or (settings.models_dir.parent / "mlruns").resolve().as_uri()
    target = MlflowMirror(uri, experiment or f"nextgen {settings.scenario_id}", python)
    rows = warehouse_of(settings).read("registered_models")
    store = ModelStore(settings.models_dir)
    models = [mirrored_model(row, store) for row in rows.iter_rows(named=True)]
    done = target.mirror(models)
    click.echo(
        f"{len(done.added)} models added to the experiment {target.experiment!r} at {uri} (MLflow {done.version}); "
        f"{len(done.known)} were there"
    )


def mirrored_model(row: Mapping[str, Any], store: ModelStore) -> MirroredModel:
    """A row of ``model_registry`` as MLflow gets it, its artifact checked against the registered hash.

    Raises
    ------
    ModelStoreError
        If the artifact is missing or is not what was registered.
    """
    store.load(row["artifact_path"], row["artifact_sha256"])
    metrics, baseline = json.loads(row["metrics"]), json.loads(row["baseline_metrics"])
    params = {name: str(row[name]) for name in ("family", "feature_set_id", *_NUMBERS, *_DATES)}
    params |= {name: str(value) for name, value in _leaves(json.loads(row["config"]), "config")}
    tags = {
        "nextgen.model_id": row["model_id"],
        "nextgen.family": row["family"],
        "nextgen.artifact_sha256": row["artifact_sha256"],
        "nextgen.tickers": ",".join(row["scope"]),
        "nextgen.as_of": row["as_of"].isoformat(),
        "nextgen.run_id": row["run_id"],
        "nextgen.live_from": str(row["live_from"] or ""),
        "nextgen.started_from": metrics.get("started_from", ""),
    }
    numbers = {**dict(_leaves(metrics, "validation")), **dict(_leaves(baseline, "base_rate"))}
    return MirroredModel(
        model_id=row["model_id"],
        artifact=store.root / row["artifact_path"],
        params=params,
        tags={name: value for name, value in tags.items() if value},
        metrics={
            name: float(value)
            for name, value in numbers.items()
            if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        },
        curve=[(p["epoch"], p["training_loss"], p["validation_loss"]) for p in metrics["curve"]],
        created_at=row["created_at"],
    )


def _leaves(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    """Every value that is no mapping, under its dotted name; lists as JSON."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}.{name}")
        else:
            yield f"{prefix}.{name}", json.dumps(value) if isinstance(value, list) else value
