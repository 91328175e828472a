"""The circumstances of each prediction: sector, regime of the market, mood of the news, actions it spans."""

from datetime import date

import polars as pl

from nextgen_assets.domain.regimes import RegimeRules, market_regimes
from nextgen_assets.domain.sectors import sector_spans
from nextgen_assets.domain.slices import mood_of
from nextgen_assets.partitions import calendar_of
from nextgen_resources.settings.schema import Settings
from nextgen_resources.warehouse.warehouse import Warehouse


def with_context(warehouse: Warehouse, settings: Settings, rows: pl.DataFrame) -> pl.DataFrame:
    """Add sector, regime, mood, has_news and, to judged predictions, has_action.

    Parameters
    ----------
    rows : DataFrame
        ticker, session_date and further columns; judged ones have target_session_date and as_of, the cut-off of that.

    Notes
    -----
    As-of rule: everything is as the session of the prediction could know it, but has_action: an ex-date in the
    sessions up to the target, known by the cut-off of that.
    """
    if rows.is_empty():
        return rows
    days = rows["session_date"]
    first, last = date.fromisoformat(str(days.min())), date.fromisoformat(str(days.max()))
    with warehouse.snapshot():
        keys = ["ticker", "session_date"]
        found = rows.join(_sectors(warehouse, settings, rows), on=keys, how="left", maintain_order="left")
        found = found.join(
            _regimes(warehouse, settings, first, last), on="session_date", how="left", maintain_order="left"
        )
        found = found.join(
            _moods(warehouse, settings, first, last), on=keys, how="left", maintain_order="left"
        )
        if "target_session_date" in rows.columns and "realised_log_return" in rows.columns:
            spanning = _spanning_actions(warehouse, rows)
            found = found.join(spanning, on=keys, how="left", maintain_order="left")
            found = found.with_columns(pl.col("has_action").fill_null(False))
        return found.with_columns(has_news=pl.col("mood").is_not_null())


def _sectors(warehouse: Warehouse, settings: Settings, rows: pl.DataFrame) -> pl.DataFrame:
    delay = settings.ingestion.cutoff_delay_minutes
    spans = sector_spans(warehouse.read("listings"), calendar_of(settings), delay)
    session = pl.col("session_date")
    return (
        rows.select("ticker", "session_date")
        .join(spans.select("ticker", "first_session", "stop_session", "sector"), on="ticker")
        .filter(session >= pl.col("first_session"), (session < pl.col("stop_session")).fill_null(True))
        .unique(["ticker", "session_date"], keep="last", maintain_order=True)
        .select("ticker", "session_date", "sector")
    )


def _regimes(warehouse: Warehouse, settings: Settings, first: date, last: date) -> pl.DataFrame:
    calendar, rules = calendar_of(settings), RegimeRules()
    begin = calendar.sessions[max(calendar.index(first) - rules.history_sessions - 1, 0)]
    return market_regimes(warehouse.read("market_returns", first=begin, last=last), rules)


def _moods(warehouse: Warehouse, settings: Settings, first: date, last: date) -> pl.DataFrame:
    as_of = calendar_of(settings).cutoff(last, settings.ingestion.cutoff_delay_minutes)
    method = settings.sentiment_method
    read = warehouse.read("sentiment", first=first, last=last, method=method, as_of=as_of)
    return read.select("ticker", "session_date", mood=mood_of(pl.col("decayed_sentiment")))


def _spanning_actions(warehouse: Warehouse, rows: pl.DataFrame) -> pl.DataFrame:
    span = {"first": rows["session_date"].min(), "last": rows["target_session_date"].max()}
    ex_dates = warehouse.read("ex_dates", **span)
    spans = rows.select("ticker", "session_date", "target_session_date", "as_of").join(ex_dates, on="ticker")
    within = pl.col("ex_date") > pl.col("session_date"), pl.col("ex_date") <= pl.col("target_session_date")
    known = pl.col("known_at") <= pl.col("as_of")
    return (
        spans.filter(*within, known)
        .select("ticker", "session_date")
        .unique()
        .with_columns(has_action=pl.lit(True))
    )
