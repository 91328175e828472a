"""What came of the direction of each prediction over horizons other than its own."""

from __future__ import annotations

from datetime import date

import polars as pl

from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.validation import cutoff_frame

HORIZON_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "prediction_id": pl.String,
    "scenario_id": pl.String,
    "ticker": pl.String,
    "session_date": pl.Date,
    "horizon_sessions": pl.Int32,
    "target_session_date": pl.Date,
    "realised_log_return": pl.Float64,
    "is_correct": pl.Boolean,
    "price_known_at": pl.Datetime("us", "UTC"),
    "as_of": pl.Datetime("us", "UTC"),
}


def judged_over(
    predictions: pl.DataFrame,
    realised: pl.DataFrame,
    horizon_sessions: int,
    sessions: list[date],
    calendar: SessionCalendar,
    delay_minutes: int,
) -> pl.DataFrame:
    """Whether the direction of each prediction was right over ``horizon_sessions``, where that ends in ``sessions``.

    Parameters
    ----------
    predictions : frame
        prediction_id, scenario_id, ticker, session_date, direction, abstained.
    realised : frame
        Of ``labels.realised_log_returns`` for that horizon.

    Returns
    -------
    frame
        ``HORIZON_SCHEMA`` by (target_session_date, ticker); no row where a price was not known at the cut-off.

    Notes
    -----
    As-of rule: prices with price_known_at <= the cut-off of the session at which the horizon ends. The probability was
    stated for the prediction's own horizon and is not judged here.
    """
    cutoffs = cutoff_frame(sessions, calendar, delay_minutes, "target_session_date")
    known = realised.filter(pl.col("target_session_date").is_in(sessions)).drop_nulls()
    said = predictions.filter(~pl.col("abstained")).select(
        "prediction_id", "scenario_id", "ticker", "session_date", "direction"
    )
    return (
        said.join(known, on=["ticker", "session_date"])
        .join(cutoffs, on="target_session_date")
        .filter(pl.col("price_known_at") <= pl.col("as_of"))
        .with_columns(
            horizon_sessions=pl.lit(horizon_sessions),
            is_correct=(pl.col("direction") == "up") == (pl.col("realised_log_return") > 0),
        )
        .select(pl.col(name).cast(kind) for name, kind in HORIZON_SCHEMA.items())
        .sort("target_session_date", "ticker", "session_date", "prediction_id")
    )
