"""What was unusual about a prediction that fell due: a split in its span, a halt, a delisting, a price that came late."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from nextgen_assets.domain.prices import Panel
from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.validation import cutoff_frame

SPLIT, DELISTED, HALTED, LATE = LABELS = ("split", "delisted", "halted", "late")
LABEL_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "prediction_id": pl.String,
    "scenario_id": pl.String,
    "ticker": pl.String,
    "session_date": pl.Date,
    "target_session_date": pl.Date,
    "label": pl.String,
    "is_judged": pl.Boolean,
    "last_close_session": pl.Date,
    "log_return_to_last_close": pl.Float64,
    "as_of": pl.Datetime("us", "UTC"),
}
_KEYS = ("ticker", "session_date")


def outcome_labels(
    predictions: pl.DataFrame,
    judged: pl.DataFrame,
    panel: Panel,
    actions: pl.DataFrame,
    sessions: list[date],
    calendar: SessionCalendar,
    delay_minutes: int,
) -> pl.DataFrame:
    """One row per prediction with a target in ``sessions`` that spans a split or could not be judged.

    Parameters
    ----------
    predictions : frame
        As for ``validation.validate_predictions``.
    judged : frame
        What that function returned.
    panel : Panel
        Prices known by the cut-off of the last of ``sessions``, from the earliest session of a prediction on.
    actions : frame
        ticker, ex_date, kind, known_at.
    sessions : list of date
        Target sessions.

    Returns
    -------
    frame
        ``LABEL_SCHEMA`` by (target_session_date, ticker). split: judged on the total return, which a split does not
        touch. delisted: trading had ended by the target. halted: no bar on the target session. late: a bar was there, but
        another one of the span was missing at the cut-off. These three were not judged: no price of the target
        was known. What an owner had by the last close before the first hole is stated instead, null where there
        was none after the session of the prediction.

    Notes
    -----
    As-of rule: actions and prices known by the cut-off of the target session.
    """
    due = predictions.filter(~pl.col("abstained") & pl.col("target_session_date").is_in(sessions))
    cutoffs = cutoff_frame(sessions, calendar, delay_minutes, "target_session_date")
    due = due.drop("as_of").join(cutoffs, on="target_session_date", maintain_order="left")
    spanned = _spanned(due, actions)
    due = due.join(spanned, on="prediction_id", how="left", maintain_order="left").with_columns(
        pl.col("is_split", "is_delisted").fill_null(False),
        is_judged=pl.col("prediction_id").is_in(judged["prediction_id"].implode()),
    )
    marked = due.join(_reached(due, panel), on=list(_KEYS), how="left", maintain_order="left").with_columns(
        label=pl.when(pl.col("is_judged"))
        .then(pl.when("is_split").then(pl.lit(SPLIT)))
        .when("is_delisted")
        .then(pl.lit(DELISTED))
        .when(pl.col("has_target_bar").fill_null(False))
        .then(pl.lit(LATE))
        .otherwise(pl.lit(HALTED))
    )
    return (
        marked.filter(pl.col("label").is_not_null())
        .select(pl.col(name).cast(kind) for name, kind in LABEL_SCHEMA.items())
        .sort("target_session_date", "ticker", "session_date", "prediction_id")
    )


def _spanned(due: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Whether a split, or the end of trading, lay between each prediction and its target."""
    known = due.select("prediction_id", *_KEYS, "target_session_date", "as_of").join(
        actions.select("ticker", "ex_date", "kind", "known_at"), on="ticker"
    )
    within = known.filter(
        pl.col("ex_date") > pl.col("session_date"),
        pl.col("ex_date") <= pl.col("target_session_date"),
        pl.col("known_at") <= pl.col("as_of"),
    )
    return within.group_by("prediction_id").agg(
        is_split=(pl.col("kind") == "split").any(), is_delisted=(pl.col("kind") == "delisting").any()
    )


def _reached(due: pl.DataFrame, panel: Panel) -> pl.DataFrame:
    """How far the unbroken closes after each session reach towards its target, and what they returned."""
    rows = due.filter(~pl.col("is_judged")).select(*_KEYS, "target_session_date").unique(list(_KEYS))
    columns = {ticker: place for place, ticker in enumerate(panel.tickers)}
    places = {session: place for place, session in enumerate(panel.sessions)}
    returns, has_bar = panel.fields["log_return"], panel.has_bar
    found = []
    for ticker, session, target in rows.iter_rows():
        column, start, stop = columns.get(ticker), places.get(session), places.get(target)
        if column is None or start is None or stop is None:
            continue
        ahead = returns[start + 1 : stop + 1, column]
        holes = np.flatnonzero(np.isnan(ahead))
        steps = int(holes[0]) if holes.size else ahead.size
        reached = panel.sessions[start + steps] if steps else None
        found.append(
            (
                ticker,
                session,
                reached,
                float(ahead[:steps].sum()) if steps else None,
                bool(has_bar[stop, column]),
            )
        )
    schema = {
        "ticker": pl.String, "session_date": pl.Date, "last_close_session": pl.Date,
        "log_return_to_last_close": pl.Float64, "has_target_bar": pl.Boolean,
    }  # fmt: skip
    return pl.DataFrame(found, schema=schema, orient="row")
