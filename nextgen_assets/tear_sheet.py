"""What the portfolio's record amounts to at each close, as rows, as pictures and as a page."""

import dagster as dg
import polars as pl

from nextgen_assets.metadata import record
from nextgen_assets.partitions import requested_sessions
from nextgen_assets.policies import session_asset
from nextgen_assets.tear_sheet_inputs import read_record, write_page
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
from nextgen_resources.warehouse.warehouse import Warehouse

SHOWN = ("cagr", "sharpe", "deflated_sharpe", "max_drawdown", "cost_a_year")


@session_asset(
    group="trading",
    kinds={"duckdb", "python"},
    deps=["portfolio_holdings", "trades", "trade_reflections", "prediction_accuracy"],
)
def tear_sheet(
    context: dg.AssetExecutionContext, warehouse: Warehouse, settings: dg.ResourceParam[Settings]
) -> pl.DataFrame:
    """One row per scenario and session: growth, risk, costs and how much of it could be luck, since inception.

    Key: scenario_id, session_date. Source: portfolio values, fills, closed positions and judged predictions
    up to the session. Cadence: each session. The run also writes the record of its last session as one
    self-contained page (trading.tear_sheet_page): tear_sheet.html in the reports, or a file named by the
    session if there are later ones. A re-run replaces its sessions.
    """
    watch, sessions = Stopwatch(), requested_sessions(context)
    last = sessions[-1]
    with watch.measure("measure"):
        history = read_record(warehouse, settings, last)
    rows = history.filter(pl.col("session_date").is_between(sessions[0], last))
    newest = rows.row(-1, named=True)
    shown = {name: newest[name] for name in SHOWN if newest[name] is not None}
    drawn = {}
    if settings.trading.tear_sheet_page:
        with watch.measure("page"):
            pictures, path = write_page(warehouse, settings, history)
        shown["page"] = str(path)
        drawn = {name: picture.markdown for name, picture in pictures.items()}
    record(context, watch, rows, "session_date", figures=shown, pictures=drawn)
    return rows
