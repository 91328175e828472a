"""How each table is written: which asset owns it, by which column it is cut, in which mode."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class WriteMode(StrEnum):
    """What a write does with the rows that are there.

    REPLACE: the slice is deleted and inserted. APPEND: rows with a new key are added, the others
    stay as they are. UPSERT: rows with a known key are overwritten. REVISE: a row that differs
    from the current version moves that version to the table of revisions. RESTATE: the same for a whole
    slice, and what is no longer stated is taken back, its version kept as a revision. TAIL: the rows of a
    scenario from the first session on are replaced; refused while later sessions would survive.
    STREAM: the asset writes it in parts by a store of its own and returns no frame. A table with a
    ``scenario_id`` is cut by that too: the rows of other scenarios stay.
    """

    REPLACE = "replace"
    APPEND = "append"
    UPSERT = "upsert"
    REVISE = "revise"
    RESTATE = "restate"
    TAIL = "tail"
    STREAM = "stream"


@dataclass(frozen=True)
class TableSpec:
    """One table and the way it is written.

    Attributes
    ----------
    slice_column : str or None
        DATE column that a partition selects; None for tables that are not cut.
    may_become_empty : bool
        Whether an empty frame may replace rows. Otherwise that is refused.
    also_written_by : tuple of str
        Further assets that add rows to it.
    version_column : str or None
        Column that tells apart several versions of one key in a frame; without it a key comes once.
    unindexed_key : tuple of str
        Key of a table that is too large for an index: its store keeps it unique, a check proves it.
    """

    name: str
    asset: str
    mode: WriteMode
    slice_column: str | None
    may_become_empty: bool = False
    also_written_by: tuple[str, ...] = ()
    version_column: str | None = None
    unindexed_key: tuple[str, ...] = ()


_SPECS = (
    TableSpec("security_listings", "security_listings", WriteMode.REPLACE, None),
    TableSpec("ticker_universe", "ticker_universe", WriteMode.REPLACE, None),
    TableSpec(
        "market_prices", "market_prices", WriteMode.REVISE, "session_date", version_column="delivered_at"
    ),
    TableSpec(
        "quarantine",
        "market_prices",
        WriteMode.APPEND,
        None,
        also_written_by=(
            "corporate_actions",
            "market_ticks",
            "intraday_prices",
            "news_articles",
            "news_sentiment",
        ),
    ),
    TableSpec("corporate_actions", "corporate_actions", WriteMode.RESTATE, "ex_date", may_become_empty=True),
    TableSpec("corporate_action_coverage", "corporate_actions", WriteMode.UPSERT, None),
    TableSpec(
        "market_ticks",
        "market_ticks",
        WriteMode.STREAM,
        "session_date",
        may_become_empty=True,
        unindexed_key=("instrument", "ts", "sequence"),
    ),
    TableSpec("tick_imports", "market_ticks", WriteMode.STREAM, None),
    TableSpec("intraday_prices", "intraday_prices", WriteMode.REPLACE, "session_date", may_become_empty=True),
    TableSpec("bars_mtf", "bars_mtf", WriteMode.REPLACE, "session_date", may_become_empty=True),
    TableSpec("mtf_state", "mtf_state", WriteMode.REPLACE, "session_date", may_become_empty=True),
    TableSpec(
        "quality_findings", "quality_findings", WriteMode.REPLACE, "session_date", may_become_empty=True
    ),
    TableSpec("price_repairs", "quality_findings", WriteMode.STREAM, None),
    TableSpec("action_repairs", "quality_findings", WriteMode.STREAM, None),
    TableSpec("news_articles", "news_articles", WriteMode.APPEND, "session_date"),
    TableSpec("news_article_tickers", "news_articles", WriteMode.APPEND, "session_date"),
    TableSpec("news_article_copies", "news_articles", WriteMode.APPEND, "session_date"),
    TableSpec("news_article_scores", "news_sentiment", WriteMode.APPEND, None),
    TableSpec("news_score_failures", "news_sentiment", WriteMode.UPSERT, None),
    TableSpec("news_scoring_runs", "news_sentiment", WriteMode.UPSERT, None),
    TableSpec("news_sentiment", "news_sentiment", WriteMode.REPLACE, "session_date", may_become_empty=True),
    TableSpec("feature_sets", "feature_windows", WriteMode.APPEND, None),
    TableSpec("feature_windows", "feature_windows", WriteMode.REPLACE, "session_date"),
    TableSpec(
        "model_registry",
        "model_registry",
        WriteMode.APPEND,
        "cutoff_session",
        also_written_by=("retrain_answers",),
    ),
    TableSpec(
        "model_deployments", "model_registry", WriteMode.APPEND, None, also_written_by=("retrain_answers",)
    ),
    TableSpec("strategic_priorities", "strategic_priorities", WriteMode.REPLACE, "session_date"),
    TableSpec("predictions", "predictions", WriteMode.APPEND, "session_date"),
    TableSpec("promotion_verdicts", "predictions", WriteMode.APPEND, None),
    TableSpec("calibration_adjustments", "predictions", WriteMode.APPEND, "effective_from"),
    TableSpec("threshold_overrides", "predictions", WriteMode.APPEND, None),
    TableSpec("prediction_accuracy", "prediction_accuracy", WriteMode.APPEND, "target_session_date"),
    TableSpec("prediction_accuracy_revisions", "prediction_accuracy", WriteMode.APPEND, "revised_on"),
    TableSpec("abstention_outcomes", "prediction_accuracy", WriteMode.APPEND, "target_session_date"),
    TableSpec("outcome_labels", "prediction_accuracy", WriteMode.APPEND, "target_session_date"),
    TableSpec("horizon_outcomes", "prediction_accuracy", WriteMode.APPEND, "target_session_date"),
    TableSpec(
        "feedback_metrics", "feedback_metrics", WriteMode.REPLACE, "session_date", may_become_empty=True
    ),
    TableSpec("drift_metrics", "feedback_metrics", WriteMode.REPLACE, "session_date", may_become_empty=True),
    TableSpec(
        "learning_insights", "learning_insights", WriteMode.REPLACE, "session_date", may_become_empty=True
    ),
    TableSpec(
        "insight_retests", "learning_insights", WriteMode.REPLACE, "session_date", may_become_empty=True
    ),
    TableSpec("retrain_signals", "retrain_signals", WriteMode.APPEND, "session_date"),
    TableSpec("retrain_answers", "retrain_answers", WriteMode.APPEND, "session_date", may_become_empty=True),
    TableSpec("bias_flags", "retrain_signals", WriteMode.REPLACE, "session_date", may_become_empty=True),
    TableSpec("trade_plans", "trade_plans", WriteMode.TAIL, "session_date"),
    TableSpec("trades", "trades", WriteMode.TAIL, "session_date", may_become_empty=True),
    TableSpec("ledger_entries", "trades", WriteMode.TAIL, "session_date", may_become_empty=True),
    TableSpec(
        "portfolio_holdings", "portfolio_holdings", WriteMode.REPLACE, "session_date", may_become_empty=True
    ),
    TableSpec("portfolio_values", "portfolio_holdings", WriteMode.REPLACE, "session_date"),
    TableSpec(
        "trade_reflections", "trade_reflections", WriteMode.REPLACE, "session_date", may_become_empty=True
    ),
    TableSpec("tear_sheet", "tear_sheet", WriteMode.REPLACE, "session_date"),
    TableSpec("system_health", "system_health", WriteMode.REPLACE, "session_date"),
    TableSpec("task_runs", "system_health", WriteMode.UPSERT, None),
    TableSpec(
        "provider_calls",
        "market_prices",
        WriteMode.APPEND,
        None,
        also_written_by=(
            "security_listings",
            "corporate_actions",
            "intraday_prices",
            "news_articles",
            "news_sentiment",
            "quality_findings",
        ),
    ),
)

TABLES: dict[str, TableSpec] = {spec.name: spec for spec in _SPECS}
"""Every table that an asset writes, by name."""


def tables_of(asset: str) -> list[TableSpec]:
    """The tables of ``asset``; the first is the one named like it."""
    specs = [spec for spec in _SPECS if spec.asset == asset or asset in spec.also_written_by]
    return sorted(specs, key=lambda spec: spec.name != asset)
