"""What came of each prediction, judged once its target session has closed."""

from datetime import date

import dagster as dg
import polars as pl

from nextgen_assets.coverage_picture import coverage_picture
from nextgen_assets.domain.coverage import coverage_table
from nextgen_assets.domain.validation import join_outcomes
from nextgen_assets.glances import calibration_glance
from nextgen_assets.metadata import record
from nextgen_assets.outcome_judging import judge
from nextgen_assets.outcome_revising import revisions
from nextgen_assets.partitions import calendar_of, requested_sessions
from nextgen_assets.pictures import price_with_predictions, reliability_diagram
from nextgen_assets.policies import session_asset
from nextgen_resources.clock import Clock
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
from nextgen_resources.warehouse.warehouse import Warehouse

PICTURED_SESSIONS = 250
"""Sessions before the range that the pictures show, so that one session alone has something to show."""


@session_asset(
    group="predictions",
    kinds={"duckdb", "polars"},
    deps=["predictions", "market_prices", "corporate_actions"],
)
def prediction_accuracy(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    settings: dg.ResourceParam[Settings],
    clock: dg.ResourceParam[Clock],
) -> dict[str, pl.DataFrame]:
    """One row per prediction that did not abstain and whose target session is this one.

    Key: prediction_id. Source: the ledger of predictions and the prices known by the cut-off of the
    target session. Cadence: each session. What abstentions would have scored goes to abstention_outcomes, what could
    not be judged (delisted, halted, late) or spans a split to outcome_labels, the direction over further horizons
    to horizon_outcomes. A row is never edited: a re-run adds what is missing, and what a later correction of a bar or an
    action makes of it is a row of prediction_accuracy_revisions, dated by the session at which that was known.
    """
    watch, sessions = Stopwatch(), requested_sessions(context)
    found = judge(warehouse, settings, sessions, watch)
    with watch.measure("revise"):
        revised = revisions(warehouse, settings, sessions, found)
    stamp = pl.lit(clock.now()).cast(pl.Datetime("us", "UTC")).alias("validated_at")
    rows = found["prediction_accuracy"].with_columns(stamp)
    stamped = {
        "prediction_accuracy": rows,
        "abstention_outcomes": found["abstention_outcomes"].with_columns(stamp),
        "prediction_accuracy_revisions": revised.with_columns(stamp),
    }
    figures = {"hit_rate": rows["is_correct"].mean() or 0.0, "brier_score": rows["brier_score"].mean() or 0.0}
    pictures = pictures_of(warehouse, settings, rows, sessions) if rows.height else {}
    shown = (figures if rows.height else {}) | ({"revised": revised.height} if revised.height else {})
    record(context, watch, rows, "target_session_date", figures=shown, pictures=pictures)
    return found | stamped


def pictures_of(
    warehouse: Warehouse, settings: Settings, rows: pl.DataFrame, sessions: list[date]
) -> dict[str, str]:
    """Reliability of the run and the year before it, and the newest year of one ticker, as Markdown."""
    calendar, scope = calendar_of(settings), {"scenario_id": settings.scenario_id}
    begin, before = (calendar.shift(sessions[0], -count) for count in (PICTURED_SESSIONS, 1))
    earlier = warehouse.read("outcomes", **scope, first=begin, last=before)
    due = warehouse.read("predictions_due", **scope, first=begin, last=sessions[-1])
    judged = join_outcomes(pl.concat([earlier, rows.select(earlier.columns)]), due)
    is_up = (judged["realised_log_return"] > 0).to_numpy()
    ticker = str(rows["ticker"].mode().sort()[0])
    shown = judged.filter(pl.col("ticker") == ticker).tail(PICTURED_SESSIONS)
    span = {"first": shown["session_date"].min(), "last": sessions[-1]}
    closes = warehouse.read("split_adjusted_closes", ticker=ticker, **span)
    coverage = coverage_table(judged, calendar, settings.feedback_block_sessions)
    promised = settings.prediction.interval_coverage
    drawn = {"coverage": coverage_picture(coverage, promised).markdown} if coverage.height else {}
    said = judged["probability_up"].to_numpy()
    return drawn | {
        "glance": calibration_glance(said, is_up),
        "reliability": reliability_diagram(said, is_up).markdown,
        "price_and_predictions": price_with_predictions(closes, shown, ticker).markdown,
    }
