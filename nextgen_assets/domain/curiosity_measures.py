"""What curiosity looks for in a ledger: lost information, surprises, silence; each a number per prediction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from nextgen_assets.domain import scorecard
from nextgen_assets.domain.base_rates import with_base_rate
from nextgen_assets.domain.clustering import BoolArray, FloatArray, IntArray
from nextgen_assets.domain.sessions import SessionCalendar

LARGEST_SURPRISE = 10.0
"""Standard deviations beyond which a surprise counts no more: one crash is one observation."""
_NAMED_SURPRISES = 3


@dataclass(frozen=True)
class Measure:
    """A number per prediction that is too high where something is wrong.

    Attributes
    ----------
    kind : str
        weakness (loses against the base rate), surprise (returns beyond the forecast volatility), gap
        (abstains: where the model knows least) or lesson (closed positions fall short of their prediction).
    name : str
        Of the number, as evidence calls it.
    hypothesis : str
        Sentence about a slice, with ``{}`` where the words of the slice go.
    rows : frame
        The predictions, ascending in ``positions``.
    values : array (n_rows,)
        The number.
    positions, made : array (n_rows,)
        Calendar position at which the number was known, and at which the prediction was made.
    has_confidence : bool
        Whether the rows state a probability.
    describe : callable
        Further figures of the rows inside a slice.
    """

    kind: str
    name: str
    hypothesis: str
    rows: pl.DataFrame
    values: FloatArray
    positions: IntArray
    made: IntArray
    has_confidence: bool
    describe: Callable[[pl.DataFrame], dict[str, object]]

    @property
    def is_share(self) -> bool:
        """Whether the number is 0 or 1."""
        return self.kind == "gap"

    def span(self, after: int, until: int, made_after: int = -1) -> BoolArray:
        """Rows known in (after, until] of predictions that were made after ``made_after``."""
        return (self.positions > after) & (self.positions <= until) & (self.made > made_after)


def measures(
    joined: pl.DataFrame, issued: pl.DataFrame | None, calendar: SessionCalendar, climatology_sessions: int
) -> Iterator[Measure]:
    """Every measure of a ledger.

    Parameters
    ----------
    joined : frame
        Judged predictions (``validation.join_outcomes``).
    issued : frame or None
        All predictions, abstentions among them: ticker, session_date, volatility, abstained, abstain_reason and
        what ``slices.dimensions`` reads.

    Notes
    -----
    The log loss is taken over that of the base rate, so that a slice is not found for being hard to predict.
    """
    if joined.height:
        rows = with_base_rate(joined, calendar, climatology_sessions)
        known, made = (
            scorecard.target_positions(rows, calendar),
            calendar_positions(rows["session_date"], calendar),
        )
        excess = (rows["log_loss"] - rows["base_log_loss"]).to_numpy()
        yield Measure(
            "weakness", "excess_log_loss", "Predictions {} lose more against the base rate than the others do",
            rows, excess, known, made, True, _hits,
        )  # fmt: skip
        surprise = np.minimum(np.abs(rows["surprise_z"].to_numpy()), LARGEST_SURPRISE)
        yield Measure(
            "surprise", "absolute_surprise", "Returns after predictions {} surprise more than those after the others",
            rows, surprise, known, made, True, _largest,
        )  # fmt: skip
    if issued is not None and issued["abstained"].any():
        rows = issued.sort("session_date", "ticker")
        made = calendar_positions(rows["session_date"], calendar)
        silent = rows["abstained"].cast(pl.Float64).to_numpy()
        yield Measure(
            "gap", "abstained_share", "Predictions {} abstain more often than the others do",
            rows, silent, made, made, False, _reason,
        )  # fmt: skip


def calendar_positions(days: pl.Series, calendar: SessionCalendar) -> IntArray:
    """The place of each day among the sessions of the calendar."""
    places = {day: calendar.index(day) for day in days.unique().to_list()}
    return np.array([places[day] for day in days.to_list()], dtype=np.int64)


def _hits(inside: pl.DataFrame) -> dict[str, object]:
    hits, ups = inside["is_correct"].cast(pl.Int64).sum(), (inside["realised_log_return"] > 0).sum()
    return {"hit_rate_slice": int(hits) / inside.height, "up_share_slice": int(ups) / inside.height}


def _largest(inside: pl.DataFrame) -> dict[str, object]:
    """The largest surprises, one per ticker: neighbouring sessions see the same move."""
    ordered = inside.with_columns(size=pl.col("surprise_z").abs()).sort(
        "size", "session_date", "ticker", descending=[True, False, False]
    )
    first = ordered.unique("ticker", keep="first", maintain_order=True).head(_NAMED_SURPRISES)
    named = first.select("ticker", "session_date", "surprise_z").rows()
    return {"largest": [f"{ticker} {session}: {z:+.2f}" for ticker, session, z in named]}


def _reason(inside: pl.DataFrame) -> dict[str, object]:
    reasons = inside["abstain_reason"].drop_nulls().value_counts().sort("count", "abstain_reason")
    return {"most_frequent_reason": reasons["abstain_reason"][-1] if reasons.height else None}
