"""What a tear sheet reads: the portfolio's record, its closed positions, what was predicted, and why."""

from datetime import date
from pathlib import Path

import polars as pl

from nextgen_assets.domain.trading.tear_sheet import tear_sheet_rows
from nextgen_assets.drawing import Picture
from nextgen_assets.explanation import explain
from nextgen_assets.partitions import calendar_of
from nextgen_assets.tear_sheet_page import TearSheetInputs, extremes, pictures_of, tear_sheet_page
from nextgen_resources.exports import write_text
from nextgen_resources.settings.schema import Settings
from nextgen_resources.warehouse.warehouse import Warehouse

NEWEST = "SELECT max(session_date) FROM portfolio_values WHERE scenario_id = $scenario_id"


def read_record(warehouse: Warehouse, settings: Settings, last: date) -> pl.DataFrame:
    """Rows of ``tear_sheet`` for every session since inception up to ``last``.

    Raises
    ------
    TrackRecordError
        If the portfolio has not been valued on ``last``.
    """
    scope = {"scenario_id": settings.scenario_id, "last": last}
    with warehouse.snapshot():
        values = warehouse.read("portfolio_until", **scope)
        costs = warehouse.read("trading_costs", **scope)
        trials = warehouse.read("trials_until", last=last)
    return tear_sheet_rows(
        values,
        costs,
        trials,
        sorted({*values["session_date"].to_list(), last}),
        settings.scenario_id,
        calendar_of(settings),
        settings.ingestion.cutoff_delay_minutes,
    )


def read_tear_sheet(
    warehouse: Warehouse, settings: Settings, rows: pl.DataFrame, effects: pl.DataFrame | None = None
) -> TearSheetInputs:
    """What the page of a record shows beside its rows, nothing later than their last session.

    Parameters
    ----------
    rows : DataFrame
        From :func:`read_record`.
    effects : DataFrame, optional
        What each principle cost or saved.
    """
    scope = {"scenario_id": settings.scenario_id, "last": rows["session_date"][-1]}
    with warehouse.snapshot():
        closed = warehouse.read("closed_until", **scope)
        best, worst = extremes(closed)
        shown = pl.concat([best, worst])["prediction_id"].drop_nulls().unique(maintain_order=True)
        return TearSheetInputs(
            rows=rows,
            values=warehouse.read("portfolio_until", **scope),
            costs=warehouse.read("trading_costs", **scope),
            closed=closed,
            judged=warehouse.read("judged_until", **scope),
            explanations={key: explain(warehouse, key, settings.sentiment_method) for key in shown.to_list()},
            effects=effects,
        )


def write_page(
    warehouse: Warehouse, settings: Settings, rows: pl.DataFrame, effects: pl.DataFrame | None = None
) -> tuple[dict[str, Picture], Path]:
    """Draw and write the page of a record; its pictures and its path.

    Returns
    -------
    (dict of name to Picture, Path)
        ``tear_sheet.html`` for the newest session that is valued, else a file named by the session, so
        that looking back does not replace what is current.
    """
    inputs = read_tear_sheet(warehouse, settings, rows, effects)
    pictures = pictures_of(inputs)
    last = rows["session_date"][-1]
    newest = warehouse.scalar(NEWEST, scenario_id=settings.scenario_id)
    name = "tear_sheet.html" if last >= newest else f"tear_sheet_{last}.html"
    page = tear_sheet_page(inputs, settings.scenario_id, pictures)
    return pictures, write_text(settings.reports_dir / name, page)
