"""The tear sheet from the command line: the page, what each principle cost or saved, tables to take away."""

from datetime import date
from pathlib import Path

import click
import polars as pl

from nextgen_assets.definitions import warehouse_of
from nextgen_assets.domain.feedback import recent_calibration
from nextgen_assets.domain.trading.forecasts import forecasts_from_frames
from nextgen_assets.domain.trading.principle_effects import principle_effects
from nextgen_assets.outcome_view import read_outcomes
from nextgen_assets.partitions import calendar_of
from nextgen_assets.tear_sheet_inputs import NEWEST, read_record, write_page
from nextgen_assets.trading_view import INCEPTION, markets, trading_rules
from nextgen_resources.errors import NextGenError
from nextgen_resources.exports import write_csv, write_xlsx
from nextgen_resources.settings.schema import Settings
from nextgen_resources.warehouse.warehouse import Warehouse

EXPORTED = ("tear_sheet", "portfolio_values", "portfolio_holdings", "trades", "trade_reflections")


class NoPortfolioError(NextGenError):
    """Nothing has been traded in the scenario: materialise portfolio_holdings first."""


def write_tear_sheet(
    settings: Settings, session: date | None, with_principles: bool, folder: Path | None
) -> None:
    """Write the page up to ``session`` (default the newest); replay principles and export tables if asked."""
    warehouse = warehouse_of(settings)
    last = session or warehouse.scalar(NEWEST, scenario_id=settings.scenario_id)
    if last is None:
        raise NoPortfolioError(
            f"scenario {settings.scenario_id} has no portfolio in {settings.warehouse_path}; run `nextgen demo` or "
            "materialise trade_plans, trades and portfolio_holdings first"
        )
    rows = read_record(warehouse, settings, last)
    effects = replayed_effects(warehouse, settings, last) if with_principles else None
    _, path = write_page(warehouse, settings, rows, effects)
    click.echo(f"Tear sheet: {path}")
    if effects is not None:
        click.echo(str(write_csv(settings.reports_dir / "principle_effects.csv", effects)))
    if folder is not None:
        for written in export_tables(warehouse, settings, last, folder):
            click.echo(str(written))


def replayed_effects(warehouse: Warehouse, settings: Settings, last: date) -> pl.DataFrame:
    """What each principle cost or saved from inception to ``last``, forecasts as they were issued.

    Notes
    -----
    The replay reads the market as it is known at the cut-off of ``last``: it looks back on a record, and
    decides nothing.
    """
    calendar, scenario = calendar_of(settings), settings.scenario_id
    first = warehouse.scalar(INCEPTION, scenario_id=scenario)
    sessions = calendar.between(first, last)
    outcomes = read_outcomes(warehouse, settings, sessions)
    said = warehouse.read("predictions_between", scenario_id=scenario, first=first, last=last)
    priorities = warehouse.read("priorities_between", first=first, last=last)
    lately = recent_calibration(outcomes, sessions, calendar).select(
        "session_date",
        pl.lit(None, pl.String).alias("ticker"),
        "brier_score",
        pl.col("base_rate_brier_score").alias("baseline_brier_score"),
    )
    *_, (_, market, names) = markets(warehouse, settings, sessions, first)
    forecasts = forecasts_from_frames(
        names.follow(said, "session_date", "alias"),
        sessions,
        market.tickers,
        lately,
        names.follow(priorities, "session_date", "alias"),
    )
    delay = settings.ingestion.cutoff_delay_minutes
    return principle_effects(sessions, market, forecasts, trading_rules(settings), calendar, delay)


def export_tables(warehouse: Warehouse, settings: Settings, last: date, folder: Path) -> list[Path]:
    """Write the tables of trading up to ``last`` as CSV files and as one workbook; no cell is a formula."""
    frames = {
        name: warehouse.read(
            f'SELECT * EXCLUDE (run_id) FROM "{name}" WHERE scenario_id = $scenario_id AND session_date <= $last '
            "ORDER BY ALL",
            scenario_id=settings.scenario_id,
            last=last,
        )
        for name in EXPORTED
    }
    written = [write_csv(folder / f"{name}.csv", frame) for name, frame in frames.items()]
    return [*written, write_xlsx(folder / f"trading_{settings.scenario_id}.xlsx", frames)]
