"""How the predictions of a finished run did: by year beside their members and momentum, coverage by ticker and regime."""

import json
from dataclasses import dataclass
from typing import Any

import polars as pl

from nextgen_assets.domain.coverage import coverage_table
from nextgen_assets.domain.skill import skill_by_year
from nextgen_assets.partitions import calendar_of
from nextgen_assets.results import with_members
from nextgen_resources.errors import NextGenError
from nextgen_resources.settings.schema import Settings
from nextgen_resources.warehouse.warehouse import Warehouse

_WORST = 5
_MINIMUM_PER_TICKER = 250


class NothingJudgedError(NextGenError):
    """No prediction has been judged yet: materialise predictions and prediction_accuracy first."""


@dataclass(frozen=True)
class Skill:
    """Tables of a finished run.

    Attributes
    ----------
    by_year : DataFrame
        As ``skill_by_year``; the contenders are served predictions, members and the momentum of 20 sessions.
    coverage : DataFrame
        As ``coverage_table``.
    n, n_sessions : int
        Judged predictions and their sessions.
    """

    by_year: pl.DataFrame
    coverage: pl.DataFrame
    n: int
    n_sessions: int


def read_skill(warehouse: Warehouse, settings: Settings) -> Skill:
    """Judge every judged prediction of the scenario.

    Raises
    ------
    NothingJudgedError
        If there is none.
    """
    outcomes = warehouse.read("evaluation_rows", scenario_id=settings.scenario_id)
    if outcomes.is_empty():
        raise NothingJudgedError(
            f"scenario {settings.scenario_id!r} has no judged prediction; run `nextgen demo`, or materialise "
            "predictions and prediction_accuracy"
        )
    rows = with_members(outcomes, settings).rename({"probability_up": "served", "return_20": "momentum"})
    names = {f"member_{family}": family for family in settings.models.families}
    rows = rows.rename(names)
    calendar, block = calendar_of(settings), 2 * settings.models.horizon_sessions
    contenders = ["served", *names.values(), "momentum"]
    return Skill(
        skill_by_year(rows, contenders, calendar, block),
        coverage_table(rows, calendar, block),
        rows.height,
        rows["session_date"].n_unique(),
    )


def skill_json(skill: Skill) -> str:
    """The tables as JSON."""
    values: dict[str, Any] = {"n": skill.n, "n_sessions": skill.n_sessions}
    tables = {"by_year": skill.by_year.to_dicts(), "coverage": skill.coverage.to_dicts()}
    return json.dumps(values | tables, indent=1)


def print_skill(skill: Skill) -> None:
    """The tables in the terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console()
    contenders = list(dict.fromkeys(skill.by_year["contender"].to_list()))
    for score, title in (("rank_ic", "Rank IC"), ("ic", "Information coefficient")):
        table = Table("year", "sessions", *contenders, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
        table.title = f"{title} by year, {skill.n:,} judged predictions on {skill.n_sessions:,} sessions"
        for year, part in sorted(skill.by_year.group_by(["year"]), key=lambda group: str(group[0][0])):
            cells = {row["contender"]: _cell(row, score) for row in part.iter_rows(named=True)}
            sessions = str(part["n_sessions"].max())
            table.add_row(str(year[0]), sessions, *(cells.get(name, "–") for name in contenders))
        console.print(table)
    console.print(
        "Mean over sessions of the correlation across tickers of what was said and what came, ± half of a 95 % "
        "interval from blocks of days; a member that says the same of every ticker has none.\n"
    )
    console.print(_coverage_table(skill.coverage))
    console.print(ticker_verdict(skill.coverage))


def ticker_verdict(coverage: pl.DataFrame) -> str:
    """One sentence on the coverage of single tickers with enough predictions."""
    tickers = coverage.filter((pl.col("scope") == "ticker") & (pl.col("n") >= _MINIMUM_PER_TICKER)).sort(
        "coverage"
    )
    if tickers.is_empty():
        return f"No ticker has {_MINIMUM_PER_TICKER} judged predictions yet."
    worst = ", ".join(
        f"{row['name']} {row['coverage']:.1%}" for row in tickers.head(_WORST).iter_rows(named=True)
    )
    below = tickers.filter(pl.col("coverage") < 0.87).height
    return f"Of {tickers.height} tickers, {below} are covered less than 87 %. Least covered: {worst}."


def _cell(row: dict[str, Any], score: str) -> str:
    half = row[f"{score}_half_width"]
    return f"{row[score]:+.3f}" + ("" if half is None else f" ±{half:.3f}")


def _coverage_table(coverage: pl.DataFrame) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(
        "scope",
        "predictions",
        "coverage",
        "95 % interval",
        title="Coverage of the bounds",
        box=box.SIMPLE_HEAD,
    )
    for row in coverage.filter(pl.col("scope") != "ticker").iter_rows(named=True):
        name = row["name"] if row["scope"] == "all" else f"{row['scope']} {row['name']}"
        table.add_row(
            name, f"{row['n']:,}", f"{row['coverage']:.1%}", f"{row['lower']:.1%} to {row['upper']:.1%}"
        )
    return table
