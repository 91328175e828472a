"""What came of each prediction, as soon as its target session has closed."""

from __future__ import annotations

from datetime import date

import polars as pl

from nextgen_assets.domain.sessions import SessionCalendar

PROBABILITY_FLOOR = 1e-6
ACCURACY_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "prediction_id": pl.String,
    "scenario_id": pl.String,
    "ticker": pl.String,
    "session_date": pl.Date,
    "target_session_date": pl.Date,
    "realised_log_return": pl.Float64,
    "realised_direction": pl.String,
    "is_correct": pl.Boolean,
    "brier_score": pl.Float64,
    "log_loss": pl.Float64,
    "is_inside_interval": pl.Boolean,
    "surprise_z": pl.Float64,
    "price_known_at": pl.Datetime("us", "UTC"),
    "as_of": pl.Datetime("us", "UTC"),
}
_STATED = (
    "direction",
    "probability_up",
    "expected_log_return",
    "lower_log_return",
    "upper_log_return",
    "volatility",
)
_CARRIED = (
    "probability_up",
    "expected_log_return",
    "lower_log_return",
    "upper_log_return",
    "volatility",
    "interval_coverage",
    "horizon_sessions",
    "model_id",
)


class IncompletePredictionError(ValueError):
    """A prediction that did not abstain lacks a figure it must state."""


def log_loss(probability: pl.Expr, is_up: pl.Expr) -> pl.Expr:
    """Negative log likelihood of the outcome in nats, probabilities clipped to [1e-6, 1 - 1e-6]."""
    given = pl.when(is_up).then(probability).otherwise(1.0 - probability)
    return -given.clip(PROBABILITY_FLOOR, 1.0 - PROBABILITY_FLOOR).log()


def cutoff_frame(
    sessions: list[date], calendar: SessionCalendar, delay_minutes: int, name: str
) -> pl.DataFrame:
    """Frame [``name``, as_of]: the knowledge cut-off of each session, in the order given."""
    moments = [calendar.cutoff(session, delay_minutes) for session in sessions]
    schema: dict[str, pl.DataType | type[pl.DataType]] = {name: pl.Date, "as_of": pl.Datetime("us", "UTC")}
    return pl.DataFrame({name: sessions, "as_of": moments}, schema=schema)


def validate_predictions(
    predictions: pl.DataFrame,
    realised: pl.DataFrame,
    sessions: list[date],
    calendar: SessionCalendar,
    delay_minutes: int,
) -> pl.DataFrame:
    """Score every prediction that did not abstain and whose target session is in ``sessions``.

    Parameters
    ----------
    predictions : frame
        Columns of the table predictions.
    realised : frame
        [ticker, session_date, target_session_date, realised_log_return, price_known_at]: total return
        from the close of session_date to the close of target_session_date.
    sessions : list of date
        Target sessions to validate.
    calendar, delay_minutes
        Give the knowledge cut-off of each target session.

    Returns
    -------
    frame
        Columns of prediction_accuracy less run_id and validated_at, sorted by (target_session_date,
        ticker, session_date, prediction_id), no nulls.

    Raises
    ------
    IncompletePredictionError
        If a prediction to be scored lacks its direction, probability, expectation, bounds or
        volatility: it should have abstained.

    Notes
    -----
    Uses prices with price_known_at <= the cut-off of the target session. A price that is missing or
    came later gives no row; ``validation_counts`` reports it. A return of exactly zero is 'flat' and
    counts as not up: 'down' is then correct, 'up' is not, and the Brier score is the squared
    probability of up. surprise_z is in standard deviations of the horizon's return.
    """
    cutoffs = cutoff_frame(sessions, calendar, delay_minutes, "target_session_date")
    due = _due(predictions, sessions).drop("as_of").join(cutoffs, on="target_session_date")
    keys = ["ticker", "session_date", "target_session_date"]
    known = realised.select(*keys, "realised_log_return", "price_known_at").drop_nulls()
    matured = due.join(known, on=keys).filter(pl.col("price_known_at") <= pl.col("as_of"))
    return (
        scored(matured)
        .select(pl.col(name).cast(kind) for name, kind in ACCURACY_SCHEMA.items())
        .sort("target_session_date", "ticker", "session_date", "prediction_id")
    )


def scored(matured: pl.DataFrame) -> pl.DataFrame:
    """Predictions with their realised_log_return, and what that makes of them.

    Returns
    -------
    frame
        The columns of ``matured`` and realised_direction, is_correct, brier_score, log_loss, is_inside_interval,
        surprise_z.
    """
    realised_return, is_up = pl.col("realised_log_return"), pl.col("realised_log_return") > 0
    return matured.with_columns(
        realised_direction=direction_of(realised_return),
        is_correct=(pl.col("direction") == "up") == is_up,
        brier_score=(pl.col("probability_up") - is_up.cast(pl.Float64)) ** 2,
        log_loss=log_loss(pl.col("probability_up"), is_up),
        is_inside_interval=realised_return.is_between(pl.col("lower_log_return"), pl.col("upper_log_return")),
        surprise_z=(realised_return - pl.col("expected_log_return")) / pl.col("volatility"),
    )


def direction_of(log_return: pl.Expr) -> pl.Expr:
    """'up', 'down' or, for a return of exactly zero, 'flat'."""
    return (
        pl.when(log_return > 0)
        .then(pl.lit("up"))
        .when(log_return < 0)
        .then(pl.lit("down"))
        .otherwise(pl.lit("flat"))
    )


def validation_counts(
    predictions: pl.DataFrame, accuracy: pl.DataFrame, sessions: list[date]
) -> pl.DataFrame:
    """How many predictions matured on each session, and how many of them found their price.

    Returns
    -------
    frame
        [session_date (the target), matured_count, validated_count, missing_count], one row per session
        of ``sessions``, ascending; zeros where nothing matured.
    """
    matured = _due(predictions, sessions).group_by("target_session_date").agg(matured_count=pl.len())
    validated = accuracy.group_by("target_session_date").agg(validated_count=pl.len())
    count = pl.col("matured_count", "validated_count").fill_null(0).cast(pl.Int32)
    return (
        pl.DataFrame({"target_session_date": sorted(sessions)}, schema={"target_session_date": pl.Date})
        .join(matured, on="target_session_date", how="left")
        .join(validated, on="target_session_date", how="left")
        .with_columns(count)
        .with_columns(missing_count=pl.col("matured_count") - pl.col("validated_count"))
        .rename({"target_session_date": "session_date"})
        .sort("session_date")
    )


def join_outcomes(accuracy: pl.DataFrame, predictions: pl.DataFrame) -> pl.DataFrame:
    """Validated predictions with what they had said: the input of feedback, curiosity and evaluation.

    Returns
    -------
    frame
        Columns of ``accuracy`` and probability_up, expected, lower and upper_log_return, volatility,
        interval_coverage, horizon_sessions, model_id; sorted by (target_session_date, ticker).
    """
    said = predictions.select("prediction_id", *_CARRIED)
    return accuracy.join(said, on="prediction_id").sort("target_session_date", "ticker", "prediction_id")


def _due(predictions: pl.DataFrame, sessions: list[date]) -> pl.DataFrame:
    """Predictions that did not abstain and mature in ``sessions``."""
    due = predictions.filter(~pl.col("abstained") & pl.col("target_session_date").is_in(sessions))
    silent = due.filter(pl.any_horizontal(pl.col(name).is_null() for name in _STATED))
    if silent.height:
        first = silent.row(0, named=True)
        lacking = [name for name in _STATED if first[name] is None]
        raise IncompletePredictionError(
            f"predictions: {silent.height} rows did not abstain but lack figures, first "
            f"{first['ticker']} {first['session_date']} without {', '.join(lacking)}; such a row must "
            f"abstain: rebuild predictions of that session"
        )
    return due
