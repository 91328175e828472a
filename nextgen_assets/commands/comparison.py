"""Two scenarios side by side."""

import os

from rich.console import Console
from rich.table import Table

from nextgen_assets.definitions import warehouse_of
from nextgen_assets.results import Results, read_results
from nextgen_resources.errors import WarehouseError
from nextgen_resources.settings.loader import load_settings
from nextgen_resources.settings.schema import Settings


def compare_scenarios(settings: Settings, first: str, second: str) -> None:
    """Print what differs between the settings and the results of two scenarios."""
    console = Console()
    found = [_results(settings, name) for name in (first, second)]
    table = Table("figure", first, second, title="Scenarios side by side")
    for name, values in _figures(found):
        table.add_row(name, *values)
    console.print(table)


def _results(settings: Settings, scenario_id: str) -> Results:
    other = load_settings(
        profile=settings.profile, environ=dict(os.environ), overrides={"scenario_id": scenario_id}
    )
    warehouse = warehouse_of(other)
    if not warehouse.path.exists():
        raise WarehouseError(
            f"scenario {scenario_id!r} has no warehouse at {warehouse.path}; run `nextgen --scenario {scenario_id} demo`"
        )
    return read_results(warehouse, other)


def _figures(found: list[Results]) -> list[tuple[str, list[str]]]:
    rows = []
    for name in ("n", "accuracy", "brier_score", "log_loss", "coverage", "information_coefficient"):
        rows.append((f"predictions: {name}", [_score(result, name) for result in found]))
    for name in ("total_return", "cagr", "volatility", "sharpe", "max_drawdown"):
        values = [f"{getattr(r.comparison.portfolio, name):.4f}" if r.comparison else "–" for r in found]
        rows.append((f"portfolio: {name}", values))
    return rows


def _score(result: Results, name: str) -> str:
    if result.evaluation is None:
        return "–"
    value = result.evaluation.table.filter(result.evaluation.table["contender"] == "predictions")[name][0]
    return "–" if value is None else f"{value:.4f}" if isinstance(value, float) else f"{value:,}"
