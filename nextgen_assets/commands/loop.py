"""``nextgen loop``: the record with and without what it learns from itself."""

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from nextgen_assets.domain.adjustment import MaturedHistory
from nextgen_assets.domain.loop_replay import ReplayRules, compared, replayed
from nextgen_assets.partitions import calendar_of
from nextgen_assets.prediction_inputs import prediction_config
from nextgen_resources.errors import NextGenError
from nextgen_resources.settings.schema import Settings
from nextgen_resources.warehouse.warehouse import Warehouse

_LOWER_IS_BETTER = ("calibration_error", "coverage_error", "brier_score", "log_loss")


class NothingToReplayError(NextGenError):
    """No judged prediction with members is there: materialise predictions and prediction_accuracy first."""


@dataclass(frozen=True)
class Replay:
    """The comparison, and the sessions that it rests on."""

    table: pl.DataFrame
    first: date
    last: date


def replay_loop(warehouse: Warehouse, settings: Settings, last_sessions: int | None = None) -> Replay:
    """Replay every judged prediction of the scenario, or those of the newest ``last_sessions`` sessions.

    Raises
    ------
    NothingToReplayError
        If there is none.
    """
    rows = warehouse.read("loop_rows", scenario_id=settings.scenario_id)
    sessions = rows["session_date"].unique().sort().to_list()
    wanted = sessions[-last_sessions:] if last_sessions else sessions
    config = prediction_config(settings)
    outcomes = ("ticker", "session_date", "target_session_date", "realised_log_return", "price_known_at")
    said = rows.drop("target_session_date", "realised_log_return", "price_known_at")
    history = MaturedHistory.build(said, rows.select(outcomes), calendar_of(settings), {})
    rules = ReplayRules(
        config.adjustment,
        dict(settings.prediction.member_weights),
        settings.prediction.weight_learning_rate,
        settings.models.horizon_sessions,
    )
    table = compared(replayed(history, wanted, rules), settings.prediction.interval_coverage)
    if table.is_empty():
        raise NothingToReplayError(
            f"scenario {settings.scenario_id!r} has no session with enough judged predictions to learn from; run "
            "`nextgen demo`, or materialise predictions and prediction_accuracy of more sessions"
        )
    return Replay(table, wanted[0], wanted[-1])


def replay_json(replay: Replay) -> str:
    """The comparison as JSON."""
    rows = replay.table.to_dicts()
    return json.dumps({"first": str(replay.first), "last": str(replay.last), "rows": rows}, indent=1)


def print_replay(replay: Replay) -> None:
    """The comparison in the terminal: a table for each score, and what each part of the loop is worth."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table, console = replay.table, Console()
    n, n_blocks = table.row(0, named=True)["n"], table.row(0, named=True)["n_blocks"]
    console.print(
        f"[bold]With and without the loop[/bold], {replay.first} to {replay.last}: {n:,} judged predictions in "
        f"{n_blocks} blocks of sessions"
    )
    for (score,), part in table.group_by(["score"], maintain_order=True):
        shown = Table(
            str(score), "value", "less the whole loop", "95 %", "", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0)
        )
        for row in part.iter_rows(named=True):
            shown.add_row(*_cells(row, table["variant"][0]))
        console.print(shown)
    console.print(
        "Intervals are paired, from resampling blocks of sessions. Nothing is trained anew in a replay."
    )


def _word(row: dict[str, Any]) -> str:
    return "worse" if row["lower"] > 0 else "better" if row["upper"] < 0 else "not to be told apart"


def _cells(row: dict[str, Any], whole: str) -> tuple[str, ...]:
    value = f"{row['value']:.4f}"
    if row["variant"] == whole:
        return row["variant"], value, "", "", ""
    if row["lower"] == row["upper"] == 0.0:
        return row["variant"], value, "the same", "", ""
    word = _word(row) if row["score"] in _LOWER_IS_BETTER else ""
    return (
        row["variant"],
        value,
        f"{row['difference']:+.4f}",
        f"{row['lower']:+.4f} to {row['upper']:+.4f}",
        word,
    )
