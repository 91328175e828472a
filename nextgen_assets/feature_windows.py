"""Feature vectors per session; a window is the stack of the last ones."""

import dagster as dg
import polars as pl

from nextgen_assets.domain.features import FeatureSet
from nextgen_assets.domain.windows import feature_vectors, required_history, window_rows
from nextgen_assets.feature_selection import feature_set_of
from nextgen_assets.market_view import read_market, segments
from nextgen_assets.metadata import record
from nextgen_assets.partitions import calendar_of, requested_sessions
from nextgen_assets.policies import session_asset
from nextgen_resources.clock import Clock
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
from nextgen_resources.warehouse.warehouse import Warehouse

CODE_VERSION = "1"


@session_asset(
    group="features",
    kinds={"duckdb", "polars", "numpy"},
    deps=["security_listings", "market_prices", "corporate_actions", "news_sentiment"],
)
def feature_windows(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    settings: dg.ResourceParam[Settings],
    clock: dg.ResourceParam[Clock],
) -> dict[str, pl.DataFrame]:
    """One row per ticker, session and feature set: the feature vector of that session.

    Key: ticker, session_date, feature_set_id. Source: bars, actions, sentiment and (for features of the
    sector) listings known by the cut-off of the session. Cadence: each session. A re-run replaces its
    sessions; the same raw rows give the same bytes, whether the session runs alone or in a range.
    """
    watch, sessions = Stopwatch(), requested_sessions(context)
    calendar, delay = calendar_of(settings), settings.ingestion.cutoff_delay_minutes
    chosen = feature_set_of(settings)
    history = required_history(chosen.features, chosen.lookback_sessions)
    parts = []
    for first, last, as_of in segments(warehouse, settings, sessions, history):
        with watch.measure("read"):
            market = read_market(warehouse, settings, calendar.shift(first, -history), last, as_of)
        with watch.measure("compute"):
            wanted = market.panel.index(first) - chosen.lookback_sessions + 1
            vectors = feature_vectors(market.panel, chosen.features, wanted)
        with watch.measure("provenance"):
            parts.append(
                window_rows(
                    market.panel,
                    vectors,
                    market.versions(calendar, chosen.reads_sectors),
                    feature_set=chosen,
                    calendar=calendar,
                    delay_minutes=delay,
                    first=first,
                    last=last,
                )
            )
    rows = pl.concat(parts)
    definition = feature_set_row(chosen).with_columns(
        created_at=pl.lit(clock.now()).cast(pl.Datetime("us", "UTC"))
    )
    figures = {"features": len(chosen.features), "complete_share": rows["is_complete"].mean() or 0.0}
    record(context, watch, rows, "session_date", figures=figures)
    return {"feature_sets": definition, "feature_windows": rows}


def feature_set_row(chosen: FeatureSet) -> pl.DataFrame:
    """The row of ``feature_sets`` without its clock."""
    return pl.DataFrame(
        {
            "feature_set_id": [chosen.feature_set_id],
            "names": [list(chosen.names)],
            "definitions": [chosen.definitions_json()],
            "lookback_sessions": [chosen.lookback_sessions],
            "warmup_sessions": [required_history(chosen.features, chosen.lookback_sessions)],
            "code_version": [CODE_VERSION],
            "scope": [chosen.scope],
            "reads_sectors": [chosen.reads_sectors],
        }
    )
