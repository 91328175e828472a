"""The demo: the whole graph over the configured data, then a summary; run again, it changes nothing."""

import time
from dataclasses import dataclass

import dagster as dg
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Column

from nextgen_assets.commands.graph_run import StepTimes, missing_range, run_range
from nextgen_assets.commands.home import enter_home
from nextgen_assets.commands.report import write_report
from nextgen_assets.commands.summary import print_summary
from nextgen_assets.results import read_results
from nextgen_assets.training_display import hosted_by
from nextgen_resources.settings.schema import Settings

STAGES = (
    ("prepare_inputs", "prices, news, features"),
    ("train_models", "models, month by month"),
    ("decide_and_trade", "predictions, feedback, trades"),
    ("answer_signals", "answers to retrain signals"),
)
"""Jobs in the order of the graph, and what they are about."""
_LONGEST_TITLE = max(len(title) for _, title in STAGES)


@dataclass(frozen=True)
class Stage:
    """One job over the partitions that it lacks; none when all is in place."""

    job: dg.JobDefinition
    title: str
    partitions: tuple[str, str] | None

    @property
    def step_count(self) -> int:
        """Assets and checks that will run."""
        return len(list(self.job.nodes)) if self.partitions else 0


def run_demo(settings: Settings) -> None:
    """Materialise what is missing and print the summary."""
    console, started = Console(), time.perf_counter()
    console.print("[bold]NextGen[/bold]: real prices through the whole graph, offline")
    enter_home(settings)
    from nextgen_assets.definitions import build_definitions, warehouse_of

    warehouse = warehouse_of(settings)
    applied = warehouse.migrate()
    console.print(
        f"Warehouse {settings.warehouse_path}: "
        + (f"{len(applied)} migrations applied" if applied else "up to date")
    )
    definitions = build_definitions(settings)
    times = StepTimes()
    with dg.DagsterInstance.get() as instance:
        for name, title in STAGES:
            stage = _stage(instance, definitions, name, title)
            if stage.partitions:
                done = _run_stage(console, instance, stage)
                times.by_step |= done.by_step
                times.run_seconds += done.run_seconds
    if not times.by_step:
        console.print("Everything is in place; nothing was changed.")
    results = read_results(warehouse, settings)
    report = write_report(settings, warehouse, results)
    print_summary(console, results, times.by_step)
    console.print(f"Report: {report}")
    console.print("Browse it: [bold]make ui[/bold], then http://127.0.0.1:3000")
    newest = results.outcomes.row(-1, named=True) if results.outcomes.height else None
    if newest:
        console.print(f"Explain a prediction: nextgen explain {newest['ticker']}@{newest['session_date']}")
    console.print(
        f"{time.perf_counter() - started:.0f} seconds in all, {times.run_seconds:.0f} of them in Dagster runs."
    )


def _stage(instance: dg.DagsterInstance, definitions: dg.Definitions, name: str, title: str) -> Stage:
    job = definitions.resolve_job_def(name)
    assets = list(job.asset_layer.executable_asset_keys)
    return Stage(job, title, missing_range(instance, definitions, assets))


def _run_stage(console: Console, instance: dg.DagsterInstance, stage: Stage) -> StepTimes:
    assert stage.partitions is not None
    first, last = stage.partitions
    name = TextColumn("{task.description}", table_column=Column(min_width=_LONGEST_TITLE, no_wrap=True))
    step = TextColumn(
        "[dim]{task.fields[step]}[/dim]", table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")
    )
    columns = (SpinnerColumn(), name, BarColumn(10), MofNCompleteColumn(), TimeElapsedColumn(), step)
    with Progress(*columns, console=console, expand=True) as progress:
        task = progress.add_task(stage.title, total=stage.step_count, step="starting")

        def show(step_key: str, has_ended: bool) -> None:
            progress.update(task, advance=int(has_ended), step="" if has_ended else step_key)

        with hosted_by(lambda text: progress.update(task, step=text)):
            times = run_range(instance, stage.job, first, last, show)
        progress.update(task, step=f"{first} to {last}")
    return times
