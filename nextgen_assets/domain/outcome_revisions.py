"""What a later correction of a bar or an action makes of outcomes that had been judged."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

import polars as pl

from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.validation import direction_of, scored

PRICE, ACTION = "price", "action"
_MOMENT = pl.Datetime("us", "UTC")
_KEYS = ("ticker", "session_date", "target_session_date")
_FIRST = ("first_log_return", "first_is_correct", "first_brier_score", "first_log_loss", "first_is_inside_interval")  # fmt: skip
REVISION_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "prediction_id": pl.String,
    "scenario_id": pl.String,
    "ticker": pl.String,
    "session_date": pl.Date,
    "horizon_sessions": pl.Int32,
    "target_session_date": pl.Date,
    "revised_on": pl.Date,
    "cause": pl.String,
    "corrected": pl.String,
    "correction_known_at": _MOMENT,
    "first_log_return": pl.Float64,
    "first_is_correct": pl.Boolean,
    "first_brier_score": pl.Float64,
    "first_log_loss": pl.Float64,
    "first_is_inside_interval": pl.Boolean,
    "realised_log_return": pl.Float64,
    "realised_direction": pl.String,
    "is_correct": pl.Boolean,
    "brier_score": pl.Float64,
    "log_loss": pl.Float64,
    "is_inside_interval": pl.Boolean,
    "surprise_z": pl.Float64,
    "price_known_at": _MOMENT,
    "as_of": _MOMENT,
}


def revised_outcomes(
    said: pl.DataFrame,
    before: pl.DataFrame,
    after: pl.DataFrame,
    corrections: pl.DataFrame,
    session: date,
    as_of: datetime,
) -> pl.DataFrame:
    """Outcomes of earlier target sessions that what was learned by ``session`` changed.

    Parameters
    ----------
    said : frame
        Predictions that did not abstain: prediction_id, scenario_id, ticker, session_date, horizon_sessions, direction
        and, where their probability is judged over this horizon, probability_up, expected_log_return,
        lower_log_return, upper_log_return, volatility.
    before, after : frame
        Of ``labels.realised_log_returns`` over the horizon, from prices known at the cut-off of the session before
        ``session``, and at that of ``session``; of the same sessions and tickers.
    corrections : frame
        kind ('price' or 'action'), ticker, day, known_at: what was learned, or taken back, between those cut-offs.
    session, as_of : date, datetime
        At which the corrections are known, and its cut-off.

    Returns
    -------
    frame
        ``REVISION_SCHEMA`` less the first judgement, by (target_session_date, ticker, prediction_id): one row for each
        prediction whose span a correction touched and whose return it changed by any bit.

    Notes
    -----
    As-of rule: nothing but rows with ``known_at <= as_of``, of targets before ``session``. It compares two states of
    knowledge and no stored judgement, so that it says the same however often, and in whatever parts, it is asked.
    """
    touched = _touched(said, after, corrections)
    known = before.select(*_KEYS, before="realised_log_return")
    changed = (
        touched.join(after, on=["ticker", "session_date"])
        .join(known, on=list(_KEYS), how="left")
        .filter(pl.col("target_session_date") < session, pl.col("price_known_at") <= as_of)
        .filter(pl.col("realised_log_return").ne_missing(pl.col("before")))
        .with_columns(
            cause=pl.when(pl.col("before").is_null()).then(pl.lit("late")).otherwise("cause"),
            revised_on=pl.lit(session),
            as_of=pl.lit(as_of).cast(_MOMENT),
        )
    )
    judged = scored(changed) if "probability_up" in said.columns else _direction_only(changed)
    return judged.select(
        pl.col(name).cast(kind) for name, kind in REVISION_SCHEMA.items() if name not in _FIRST
    ).sort("target_session_date", "ticker", "prediction_id")


def with_first(revisions: pl.DataFrame, first: pl.DataFrame) -> pl.DataFrame:
    """Revisions beside the first judgement of the same prediction and horizon, null where there was none.

    Parameters
    ----------
    first : frame
        prediction_id, horizon_sessions and the columns of ``REVISION_SCHEMA`` that begin with first.
    """
    keys = ["prediction_id", "horizon_sessions"]
    judged = first.select(*keys, *_FIRST).unique(keys, keep="first", maintain_order=True)
    joined = revisions.join(judged, on=keys, how="left", maintain_order="left")
    return joined.select(pl.col(name).cast(kind) for name, kind in REVISION_SCHEMA.items())


def clusters(days: Iterable[date], reach: int, last: date, calendar: SessionCalendar) -> list[tuple[date, date]]:  # fmt: skip
    """Spans of sessions within ``reach`` of the corrected days, up to ``last``; overlapping ones are one."""
    spans: list[tuple[date, date]] = []
    for place in sorted({calendar.index(calendar.on_or_after(day)) for day in days}):
        begin = calendar.sessions[max(place - reach, 0)]
        end = min(calendar.sessions[min(place + reach, len(calendar.sessions) - 1)], last)
        if spans and begin <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((begin, end))
    return spans


def _touched(said: pl.DataFrame, after: pl.DataFrame, corrections: pl.DataFrame) -> pl.DataFrame:
    """Predictions whose span holds a correction: the close they start from too, but no action of that day."""
    targets = after.select(*_KEYS).unique(list(_KEYS))
    spans = said.select("prediction_id", "ticker", "session_date").join(
        targets, on=["ticker", "session_date"]
    )
    day, begins = pl.col("day"), pl.col("session_date")
    within = (day <= pl.col("target_session_date")) & (
        (day > begins) | ((day == begins) & (pl.col("kind") == PRICE))
    )
    found = (
        spans.join(corrections, on="ticker")
        .filter(within)
        .sort("prediction_id", "day", "kind")
        .group_by("prediction_id", maintain_order=True)
        .agg(
            is_price=(pl.col("kind") == PRICE).any(),
            is_action=(pl.col("kind") == ACTION).any(),
            corrected=pl.format('"{} {}"', "kind", "day"),
            correction_known_at=pl.col("known_at").max(),
        )
    )
    named = found.with_columns(
        cause=pl.when(pl.col("is_price") & pl.col("is_action"))
        .then(pl.lit("both"))
        .when("is_action")
        .then(pl.lit(ACTION))
        .otherwise(pl.lit(PRICE)),
        corrected=pl.format("[{}]", pl.col("corrected").list.join(", ")),
    )
    return said.join(named, on="prediction_id")


def _direction_only(changed: pl.DataFrame) -> pl.DataFrame:
    """What is judged over a horizon that the probability was not stated for."""
    realised = pl.col("realised_log_return")
    absent = dict.fromkeys(("brier_score", "log_loss", "surprise_z"), pl.lit(None, pl.Float64))
    return changed.with_columns(
        realised_direction=direction_of(realised),
        is_correct=(pl.col("direction") == "up") == (realised > 0),
        is_inside_interval=pl.lit(None, pl.Boolean),
        **absent,
    )
