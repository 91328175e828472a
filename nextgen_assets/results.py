"""The results of a scenario as figures: what each stage holds, how good it was, beside what is naive."""

import json
from dataclasses import dataclass

import polars as pl

from nextgen_assets.domain.evaluation import EvaluationSummary, evaluation_summary
from nextgen_assets.domain.trading.statistics import Comparison, compare_with_benchmark
from nextgen_assets.partitions import calendar_of
from nextgen_resources.settings.schema import Settings
from nextgen_resources.warehouse.tables import TABLES
from nextgen_resources.warehouse.warehouse import Warehouse


@dataclass(frozen=True)
class Results:
    """What people want to see after a run.

    Attributes
    ----------
    tables : DataFrame
        ``table, asset, rows``.
    evaluation : EvaluationSummary or None
        None until predictions have been judged on enough sessions.
    outcomes, values : DataFrame
        Judged predictions, and portfolio values by session.
    comparison : Comparison or None
        Portfolio beside buy-and-hold; None until there are values.
    """

    tables: pl.DataFrame
    evaluation: EvaluationSummary | None
    outcomes: pl.DataFrame
    values: pl.DataFrame
    comparison: Comparison | None


def read_results(warehouse: Warehouse, settings: Settings) -> Results:
    """Collect the results of the scenario from its warehouse."""
    scope = {"scenario_id": settings.scenario_id}
    counts = " UNION ALL ".join(
        f"SELECT '{spec.name}' AS table_name, '{spec.asset}' AS asset, count(*) AS row_count FROM \"{spec.name}\""
        for spec in TABLES.values()
    )
    outcomes = with_members(warehouse.read("evaluation_rows", **scope), settings)
    values = warehouse.read(
        "SELECT session_date, net_asset_value_usd, benchmark_value_usd, drawdown FROM portfolio_values "
        "WHERE scenario_id = $scenario_id ORDER BY session_date",
        **scope,
    )
    members = {family: f"member_{family}" for family in settings.models.families}
    evaluation = None
    if outcomes.height:
        evaluation = evaluation_summary(
            outcomes,
            calendar_of(settings),
            members=members,
            momentum_column="return_20",
            block_sessions=2 * settings.models.horizon_sessions,
        )
    comparison = compare_with_benchmark(values, settings.models.seed) if values.height > 2 else None
    return Results(warehouse.read(counts), evaluation, outcomes, values, comparison)


def with_members(outcomes: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """Judged predictions with the probability that each family gave, null where it was silent."""
    said = [
        {m["family"]: m["probability_up"] for m in json.loads(text) if "target_ticker" not in m}
        for text in outcomes["ensemble"]
    ]
    columns = [
        pl.Series(f"member_{family}", [row.get(family) for row in said], dtype=pl.Float64)
        for family in settings.models.families
    ]
    return outcomes.drop("ensemble").with_columns(columns)
