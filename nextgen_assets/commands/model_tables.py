"""What ``nextgen models`` shows: rows of models, one model in full, and two in pairs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from nextgen_assets.domain.clustering import clustered_mean
from nextgen_assets.domain.members import Members, unpacked
from nextgen_assets.domain.metrics import brier_scores, hits, log_losses
from nextgen_assets.markdown import markdown_table
from nextgen_assets.model_decisions import ModelDecisionError, find_model, next_session
from nextgen_assets.partitions import calendar_of
from nextgen_resources.errors import ModelStoreError
from nextgen_resources.model_store import ModelStore
from nextgen_resources.settings.schema import Settings
from nextgen_resources.warehouse.warehouse import Warehouse

SCORES = {"brier_score": brier_scores, "log_loss": log_losses, "accuracy": hits}
_SHOWN_VERDICTS = 6
_SHORT_ID = 10
_SHOWN = {
    "family": "family",
    "model_id": "model",
    "serves": "serves",
    "cutoff_session": "cut-off",
    "log_loss": "loss",
    "base_rate": "base",
    "verdict": "gate",
}
"""Columns of a list and their heads."""


@dataclass(frozen=True)
class Shown:
    """The same for people and for programs."""

    text: str
    values: Mapping[str, Any]


def model_rows(
    warehouse: Warehouse, settings: Settings, is_all: bool, session: date | None
) -> tuple[str, list[dict[str, Any]]]:
    """Title and rows of ``nextgen models list``."""
    if is_all:
        found, title = warehouse.read("all_models"), "Every registered model"
    else:
        served = session or next_session(warehouse, settings)
        found, title = warehouse.read("live_models", session=served), f"Models that serve {served}"
    rows = []
    for row in found.iter_rows(named=True):
        metrics, baseline = json.loads(row.pop("metrics")), json.loads(row.pop("baseline_metrics"))
        rows.append(
            row | {"log_loss": metrics["log_loss"]["value"], "base_rate": baseline["log_loss"]["value"]}
        )
    return title, rows


def print_rows(title: str, rows: list[dict[str, Any]]) -> None:
    """The rows as a table that fits a terminal of 80 columns, ids cut to their beginning."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    if not rows:
        Console().print(f"{title}: none yet; train some with the job train_models, or `nextgen demo`")
        return
    shown = [name for name in _SHOWN if name in rows[0]]
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in shown:
        table.add_column(_SHOWN[name], no_wrap=True)
    for row in rows:
        named = row | {"family": f"{row['family']} {row['target_ticker'] or ''}".rstrip()}
        table.add_row(*(_cell(name, named[name]) for name in shown))
    table.caption = "Log loss on the validation months, beside the base rate's; lower is better."
    Console().print(table)


def _cell(name: str, value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    if name == "model_id":
        return str(value)[:_SHORT_ID]
    return str(value or "–").replace("promoted by", "by").replace("member of the ", "")


def model_text(warehouse: Warehouse, store: ModelStore, wanted: str) -> Shown:
    """One model in full.

    Raises
    ------
    UnknownModelIdError
        If nothing or several answer to ``wanted``.
    """
    row = find_model(warehouse, wanted)
    metrics, baseline = json.loads(row["metrics"]), json.loads(row["baseline_metrics"])
    key = {"model_id": row["model_id"]}
    deployed = warehouse.read(
        "SELECT live_from, in_force_from, live_to, role, decision, reason FROM model_deployments WHERE model_id = $model_id "
        "ORDER BY live_from, created_at",
        **key,
    )
    ticker = row["target_ticker"]
    verdicts = warehouse.read(
        "SELECT cutoff_session, verdict, reason_code, champion, n, n_sessions, n_trials, reason "
        "FROM promotion_verdicts WHERE CASE WHEN $ticker IS NULL THEN family = $family AND target_ticker IS NULL "
        "ELSE model_id = $model_id END ORDER BY cutoff_session DESC",
        family=row["family"],
        ticker=ticker,
        **key,
    ).head(_SHOWN_VERDICTS)
    artifact = _artifact(store, row)
    text = "\n\n".join(
        [
            f"# {row['family']} {row['model_id']}{f' for {ticker}' if ticker else ''}",
            f"Trained on {row['window_count']:,} windows of {len(row['scope'])} tickers ({', '.join(row['scope'][:8])}"
            f"{', …' if len(row['scope']) > 8 else ''}), sessions {row['first_training_session']} to "
            f"{row['last_training_session']}, feature set {row['feature_set_id']}, horizon {row['horizon_sessions']}; "
            f"cut-off {row['cutoff_session']}, labels end {row['labels_end_session']}, scaler fitted until "
            f"{row['scaler_fitted_until_session']}, seed {row['seed']}; trial {row['trials_to_date']} of its family.",
            f"Artifact `{row['artifact_path']}`: {artifact}.",
            "## Validation months, beside the base rate\n\n" + markdown_table(_scores(metrics, baseline)),
            f"## Deployments\n\n{markdown_table(deployed)}",
            f"## Newest verdicts on {'this model' if ticker else row['family']}\n\n{markdown_table(verdicts.drop('reason'))}",
            *([f"Newest reason: {verdicts['reason'][0]}."] if verdicts.height else []),
            f"## Settings\n\n```json\n{json.dumps(json.loads(row['config']), indent=1)}\n```",
        ]
    )
    parsed = {"metrics": metrics, "baseline_metrics": baseline, "config": json.loads(row["config"])}
    return Shown(
        text,
        {
            **row,
            **parsed,
            "artifact": artifact,
            "deployments": deployed.to_dicts(),
            "verdicts": verdicts.to_dicts(),
        },
    )


def comparison(warehouse: Warehouse, settings: Settings, first: str, second: str) -> Shown:
    """Two models or families on the matured forecasts of both.

    Raises
    ------
    ModelDecisionError
        If they never spoke of the same ticker and session on two blocks of days.
    """
    rows = warehouse.read("member_forecasts", scenario_id=settings.scenario_id)
    keys = [_key(warehouse, wanted) for wanted in (first, second)]
    models = unpacked(rows["ensemble"])["model_id"].unique().to_list()
    by_model, by_family = (
        Members.parse(rows["ensemble"], names) for names in (dict(zip(models, models, strict=True)), {})
    )
    every = np.arange(rows.height)
    odds = [(by_family if is_family else by_model).of(name, every)[0] for name, is_family in keys]
    both = np.flatnonzero(np.isfinite(odds[0]) & np.isfinite(odds[1]))
    went_up = (rows["realised_log_return"].to_numpy()[both] > 0).astype(np.float64)
    calendar = calendar_of(settings)
    days = {day: calendar.index(day) for day in rows["session_date"].unique().to_list()}
    sessions = np.array([days[day] for day in rows["session_date"].gather(both).to_list()], dtype=np.int64)
    block = 2 * settings.models.horizon_sessions
    blocks = (sessions.max(initial=0) - sessions) // block
    if np.unique(blocks).size < 2:
        raise ModelDecisionError(
            f"{first} and {second} spoke of the same ticker and session on {both.size} judged predictions, expected "
            f"them on at least two blocks of {block} sessions; compare their families, or issue and judge more"
        )
    said = [1 / (1 + np.exp(-side[both])) for side in odds]
    table = []
    for name, score in SCORES.items():
        ours, theirs = (score(side, went_up) for side in said)
        gap = clustered_mean(ours - theirs, blocks)
        half = gap.half_width(0.95)
        table.append(
            {"score": name, first: float(ours.mean()), second: float(theirs.mean()), "difference": gap.value,
             "lower": gap.value - half, "upper": gap.value + half}
        )  # fmt: skip
    text = (
        f"{first} beside {second} on {both.size:,} judged predictions of {np.unique(sessions).size:,} sessions; the "
        "difference with its 95 % interval from blocks of days. Brier score and log loss: lower is better.\n\n"
        + markdown_table(pl.DataFrame(table).with_columns(pl.col(pl.Float64).round(5)))
    )
    return Shown(text, {"n": int(both.size), "n_sessions": int(np.unique(sessions).size), "scores": table})


def _key(warehouse: Warehouse, wanted: str) -> tuple[str, bool]:
    """Name to look members up by, and whether it is a family."""
    model = find_model(warehouse, wanted)
    return (wanted, True) if model["family"] == wanted else (model["model_id"], False)


def _artifact(store: ModelStore, row: Mapping[str, Any]) -> str:
    try:
        arrays, _ = store.load(row["artifact_path"], row["artifact_sha256"])
    except ModelStoreError as error:
        return f"NOT USABLE, {type(error).__name__}: {error}"
    size = sum(array.nbytes for array in arrays.values())
    return f"{len(arrays)} arrays, {size:,} bytes, hash as registered ({row['artifact_sha256'][:16]}…)"


def _scores(metrics: Mapping[str, Any], baseline: Mapping[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "score": name,
                "model": round(metrics[name]["value"], 4),
                "95 % interval": f"{metrics[name]['lower']:.4f} to {metrics[name]['upper']:.4f}",
                "base rate": round(baseline[name]["value"], 4),
                "windows": metrics[name]["n"],
                "sessions": metrics[name]["n_sessions"],
            }
            for name in SCORES
            if name in metrics and name in baseline
        ]
    )
