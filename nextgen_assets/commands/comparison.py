"""Two scenarios side by side."""

import os
from typing import Any

import polars as pl
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from nextgen_assets.commands.summary import SCORES, STATISTICS, Figure
from nextgen_assets.definitions import warehouse_of
from nextgen_assets.results import Results, read_results
from nextgen_resources.errors import WarehouseError
from nextgen_resources.settings.loader import load_settings
from nextgen_resources.settings.report import settings_table
from nextgen_resources.settings.schema import Settings


def compare_scenarios(settings: Settings, first: str, second: str) -> None:
    """Print what differs between the settings and the results of two scenarios."""
    console = Console()
    both = [_settings(settings, name) for name in (first, second)]
    console.print(_differences(both))
    found = [_results(each) for each in both]
    table = Table("", first, second, "difference", title="Scenarios side by side", box=box.SIMPLE_HEAD)
    for column in table.columns[1:]:
        column.justify = "right"
    for row in _figures(found):
        table.add_row(*row)
    console.print(table)


def _settings(settings: Settings, scenario_id: str) -> Settings:
    return load_settings(
        profile=settings.profile, environ=dict(os.environ), overrides={"scenario_id": scenario_id}
    )


def _differences(both: list[Settings]) -> Table | str:
    """The settings that are not the same; the name of the scenario aside."""
    ours, theirs = ({key: value for key, value, _ in settings_table(each)} for each in both)
    keys = [key for key in ours | theirs if ours.get(key) != theirs.get(key) and key != "scenario_id"]
    if not keys:
        return "The settings of both are the same, as they would be loaded now."
    table = Table(
        "setting", *(each.scenario_id for each in both), title="Settings that differ", box=box.SIMPLE_HEAD
    )
    for key in keys:
        table.add_row(key, *(escape(each.get(key, "–")) for each in (ours, theirs)))
    return table


def _results(settings: Settings) -> Results:
    warehouse = warehouse_of(settings)
    if not warehouse.is_there:
        raise WarehouseError(
            f"scenario {settings.scenario_id!r} has no warehouse at {warehouse.path}; "
            f"run `nextgen --scenario {settings.scenario_id} demo`"
        )
    return read_results(warehouse, settings)


def _figures(found: list[Results]) -> list[tuple[str, ...]]:
    scores = [_scores(result) for result in found]
    rows = [("predictions: number", *(f"{each['n']:,}" if each else "–" for each in scores), "")]
    rows += [_row("predictions", figure, [each.get(figure.key) for each in scores]) for figure in SCORES]
    portfolios = [result.comparison.portfolio if result.comparison else None for result in found]
    rows += [
        _row("portfolio", figure, [getattr(each, figure.key, None) for each in portfolios])
        for figure in STATISTICS
    ]
    return rows


def _row(subject: str, figure: Figure, values: list[float | None]) -> tuple[str, ...]:
    first, second = values
    gap = "" if first is None or second is None else f"{second - first:+{figure.style.lstrip('+')}}"
    return (f"{subject}: {figure.name}", figure.text(first), figure.text(second), gap)


def _scores(result: Results) -> dict[str, Any]:
    """Scores of the ensemble; empty until predictions have been judged."""
    if result.evaluation is None:
        return {}
    return result.evaluation.table.filter(pl.col("contender") == "predictions").row(0, named=True)
