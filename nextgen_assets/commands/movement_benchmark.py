"""The published benchmark of stock movement: read, run, print."""

import io
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl
from rich import box
from rich.console import Console
from rich.table import Table

from nextgen_assets.domain.intervals import Interval
from nextgen_assets.domain.models import family_names
from nextgen_assets.domain.movement import (
    COLUMNS,
    MovementData,
    MovementDataError,
    naive_calls,
)
from nextgen_assets.domain.movement_protocols import PROTOCOLS, Published
from nextgen_assets.domain.movement_runs import (
    FIT,
    LONGEST,
    TEST,
    VALIDATION,
    FamilyRun,
    MovementRunner,
    ensemble_of,
)
from nextgen_assets.domain.movement_scores import Calls, accuracy_of, mcc_of
from nextgen_resources.errors import SettingsError

FILE = "features_labels.parquet"
SUSPICIOUS_ACCURACY = 0.60
_SCORES = {"accuracy": accuracy_of, "mcc": mcc_of}
_NO_LESSON = ("base_rate",)


@dataclass(frozen=True)
class Result:
    """One model on the test part: means over its seeds, and differences from each simple rival with p-values.

    ``validation_log_loss`` is the mean over the seeds; None for a rule that says no probability.
    """

    model: str
    chosen: dict[str, Any]
    n_trials: int
    validation_log_loss: float | None
    accuracy: Interval
    mcc: Interval
    by_seed: dict[str, list[float]]
    over: dict[str, dict[str, tuple[Interval, float]]]


@dataclass(frozen=True)
class Benchmark:
    """Everything that is printed."""

    protocol: str
    n_samples: dict[str, int]
    published: tuple[Published, ...]
    naive: tuple[Result, ...]
    ours: tuple[Result, ...]


def run_benchmark(
    folder: Path, protocol: str, families: Sequence[str], n_seeds: int, say: Callable[[str], None]
) -> Benchmark:
    """Run the families, and their ensemble where they are several.

    Raises
    ------
    SettingsError
        The folder holds no such file, or the file is not of the benchmark's form.
    """
    chosen = list(families) or [name for name in family_names() if name not in _NO_LESSON]
    try:
        runner = MovementRunner(read_movement(folder), PROTOCOLS[protocol], say)
        samples = runner.samples(LONGEST)
    except MovementDataError as error:
        raise SettingsError(f"{folder / FILE}: {error}") from error
    test = samples.part == TEST
    naive = {
        name: Calls.of(calls[None, test], samples.went_up[test], samples.day_index[test])
        for name, calls in naive_calls(samples).items()
    }
    runs = [runner.run(family, range(1, n_seeds + 1)) for family in chosen]
    if len(runs) > 1:
        runs.append(ensemble_of(runs))
    calls = [runner.calls(run) for run in runs]
    rivals = {
        **naive,
        **{run.family: own for run, own in zip(runs, calls, strict=True) if run.family == "logistic"},
    }
    first_fit = runner.samples(5).part == FIT
    return Benchmark(
        protocol,
        {
            "fit": int(first_fit.sum()),
            "validation": int((samples.part == VALIDATION).sum()),
            "test": int(test.sum()),
        },
        PROTOCOLS[protocol].published,
        tuple(_result(name, None, None, own, {}) for name, own in naive.items()),
        tuple(
            _result(run.family, run, runner.validation_log_loss(run), own, rivals)
            for run, own in zip(runs, calls, strict=True)
        ),
    )


def read_movement(folder: Path) -> MovementData:
    """The data set of a folder.

    Raises
    ------
    SettingsError
        There is no file, or it cannot be read as Parquet.
    """
    path = folder / FILE
    if not path.is_file():
        raise SettingsError(
            f"{folder} holds no {FILE}; expected Parquet with the columns {', '.join(COLUMNS)}"
        )
    try:
        frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise SettingsError(f"{path} cannot be read as Parquet: {error}") from error
    return MovementData.from_frame(frame)


def _result(
    name: str, run: FamilyRun | None, loss: float | None, calls: Calls, rivals: dict[str, Calls]
) -> Result:
    over = {
        rival: {score: calls.over(theirs, compute) for score, compute in _SCORES.items()}
        for rival, theirs in rivals.items()
        if rival != name
    }
    return Result(
        name,
        {} if run is None else dict(run.settings),
        0 if run is None else len(run.trials),
        loss,
        calls.interval(accuracy_of),
        calls.interval(mcc_of),
        {score: calls.by_seed(compute) for score, compute in _SCORES.items()},
        over,
    )


def benchmark_json(found: Benchmark) -> str:
    """Everything as JSON."""
    return json.dumps(asdict(found), indent=2, default=str)


def benchmark_text(found: Benchmark) -> str:
    """Tables for people."""
    console = Console(file=io.StringIO(), width=130)
    console.print(
        f"{found.protocol}: samples {found.n_samples}; every choice on the validation part, test scored once"
    )
    table = _table(
        "Test part", "model", "accuracy %", "95 %", "MCC", "95 %", "seeds", "chosen, or published by"
    )
    for other in found.published:
        table.add_row(other.model, f"{other.accuracy:.2f}", "", f"{other.mcc:+.4f}", "", "", "", other.source)
    table.add_section()
    for result in (*found.naive, *found.ours):
        n_seeds = len(result.by_seed["mcc"]) if result.chosen else 0
        table.add_row(result.model, *_cells(result.accuracy, 100.0, 2), *_cells(result.mcc, 1.0, 4),
            str(n_seeds or ""), _loss(result), "")  # fmt: skip
    console.print(table)
    for result in found.ours:
        chosen = ", ".join(f"{name} {value}" for name, value in result.chosen.items())
        console.print(
            f"{result.model}: {chosen} ({result.n_trials} tried)"
            if result.n_trials
            else f"{result.model}: {chosen}"
        )
    preferred = min(found.ours, key=lambda result: result.validation_log_loss or math.inf)
    console.print(f"the validation part prefers {preferred.model}\n")
    paired = _table(
        "Ours less the rival, same samples", "model", "rival", "accuracy", "95 %", "p", "MCC", "95 %", "p"
    )
    for result in found.ours:
        for rival, scores in result.over.items():
            (accuracy, p_accuracy), (mcc, p_mcc) = scores["accuracy"], scores["mcc"]
            paired.add_row(result.model, rival, *_cells(accuracy, 100.0, 2), f"{p_accuracy:.3f}",
                *_cells(mcc, 1.0, 4), f"{p_mcc:.3f}")  # fmt: skip
    console.print(paired)
    for result in found.ours:
        if result.accuracy.value > SUSPICIOUS_ACCURACY:
            console.print(f"{result.model}: more than {SUSPICIOUS_ACCURACY:.0%} is right; look for the leak")
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in str(text).splitlines())


def _table(title: str, *columns: str) -> Table:
    table = Table(*columns, title=title, box=box.SIMPLE_HEAD, title_justify="left")
    for column in table.columns[1:-1]:
        column.justify = "right"
    return table


def _loss(result: Result) -> str:
    return "" if result.validation_log_loss is None else f"{result.validation_log_loss:.5f}"


def _cells(found: Interval, scale: float, digits: int) -> tuple[str, str]:
    value, lower, upper = (f"{part * scale:+.{digits}f}" for part in (found.value, found.lower, found.upper))
    if scale > 1 and found.lower > 0:
        value, lower, upper = (text.lstrip("+") for text in (value, lower, upper))
    return value, f"{lower} to {upper}"
