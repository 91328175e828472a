"""Where are the predictions wrong? Month by month, slices of the matured past, tested together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from nextgen_assets.domain import clustering, scorecard
from nextgen_assets.domain.clustering import BoolArray, ClusteredEstimate, FloatArray, IntArray
from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.validation import cutoff_frame

INSIGHT_SCHEMA = {
    "insight_id": pl.String,
    "session_date": pl.Date,
    "scope": pl.String,
    "hypothesis": pl.String,
    "evidence": pl.String,
    "effect": pl.Float64,
    "p_value": pl.Float64,
    "q_value": pl.Float64,
    "n": pl.Int32,
    "suggested_action": pl.String,
}
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
_ACTIONS = {
    "ticker": "retrain with this ticker's latest windows, or abstain on it until the excess is gone",
    "weekday": "add the weekday as a feature, or widen the bounds of predictions made on it",
    "volatility": "fit calibration apart for each volatility regime",
    "news": "look at how sentiment enters the features, and at what the articles said",
    "confidence": "shrink probabilities of this band towards the base rate when calibrating",
}


@dataclass(frozen=True)
class CuriositySettings:
    """What counts as a finding.

    Parameters
    ----------
    window_sessions : int
        Sessions of the calendar looked back upon.
    block_sessions : int
        Sessions that count as one observation; twice the horizon.
    minimum_rows, minimum_blocks : int
        Of a slice, and of the rest, for it to be tested at all.
    maximum_q_value : float
        False discovery rate among the findings of one session.
    confidence_edges : tuple of float
        Distances of the probability from one half that part weak, moderate and strong.
    """

    window_sessions: int = 250
    block_sessions: int = 10
    minimum_rows: int = 40
    minimum_blocks: int = 8
    maximum_q_value: float = 0.1
    climatology_sessions: int = 1000
    confidence_edges: tuple[float, float] = (0.02, 0.05)


@dataclass(frozen=True)
class _Slice:
    kind: str
    name: str
    words: str
    is_member: BoolArray

    @property
    def scope(self) -> str:
        return f"{self.kind}:{self.name}"


def find_insights(
    joined: pl.DataFrame,
    sessions: list[date],
    calendar: SessionCalendar,
    delay_minutes: int,
    settings: CuriositySettings | None = None,
) -> pl.DataFrame:
    """Findings at each month-end session of ``sessions``: slices where the excess log loss is higher.

    Parameters
    ----------
    joined : frame
        ``validation.join_outcomes``: one scenario, one horizon; optionally has_news (bool: the ticker
        had an article admitted by the session of the prediction). The history it needs is that of
        ``feedback.FeedbackSettings.history_sessions``.
    sessions : list of date
        Only those that are the last of their month in the calendar are looked at.

    Returns
    -------
    frame
        Columns of learning_insights less run_id, sorted by (session_date, q_value, scope); scope is
        kind:name; effect is the excess log loss (nats, over the base rate's) in the slice less that in
        the rest, always positive; p_value one-sided.

    Notes
    -----
    Uses rows whose target session is within the window up to S. The log loss is taken over that of the
    base rate, so that a slice is not found for being hard to predict. Slices (ticker, weekday and
    volatility tercile of the prediction, news, confidence) are tested by a clustered t-test and
    corrected together by Benjamini and Hochberg: every slice looked at counts, found or not.
    """
    settings = settings or CuriositySettings()
    month_ends = [day for day in sorted(sessions) if calendar.shift(day, 1).month != day.month]
    records: list[dict[str, object]] = []
    if month_ends and joined.height:
        rows = scorecard.with_base_rate(joined, calendar, settings.climatology_sessions)
        positions = scorecard.target_positions(rows, calendar)
        for session in month_ends:
            now = calendar.index(session)
            is_inside = (positions <= now) & (positions > now - settings.window_sessions)
            blocks = (now - positions[is_inside]) // settings.block_sessions
            records.extend(_session_records(session, rows.filter(is_inside), blocks, settings))
    cutoffs = cutoff_frame(month_ends, calendar, delay_minutes, "session_date")
    frame = pl.DataFrame(records, schema=INSIGHT_SCHEMA, orient="row")
    return frame.join(cutoffs, on="session_date").sort("session_date", "q_value", "scope")


def _session_records(
    session: date, rows: pl.DataFrame, blocks: IntArray, settings: CuriositySettings
) -> Iterator[dict[str, object]]:
    """Findings of one session."""
    if not rows.height:
        return
    excess = (rows["log_loss"] - rows["base_log_loss"]).to_numpy()
    tested = [piece for piece in _slices(rows, settings) if _is_testable(piece.is_member, blocks, settings)]
    if not tested:
        return
    results = [clustering.clustered_difference(excess, piece.is_member, blocks) for piece in tested]
    p_values = np.array([result.upper_tail_p_value for result in results])
    q_values = clustering.benjamini_hochberg(p_values)
    for piece, result, p_value, q_value in zip(
        tested, results, p_values.tolist(), q_values.tolist(), strict=True
    ):
        if q_value <= settings.maximum_q_value and result.value > 0:
            evidence = _evidence(piece, result, rows, excess, len(tested))
            yield {
                "insight_id": hashlib.sha256(f"insight|{session}|{piece.scope}".encode()).hexdigest()[:32],
                "session_date": session,
                "scope": piece.scope,
                "hypothesis": f"Predictions {piece.words} lose more against the base rate than the others do",
                "evidence": json.dumps(evidence, allow_nan=False, sort_keys=True),
                "effect": result.value,
                "p_value": p_value,
                "q_value": q_value,
                "n": int(piece.is_member.sum()),
                "suggested_action": _ACTIONS[piece.kind],
            }


def _evidence(
    piece: _Slice, result: ClusteredEstimate, rows: pl.DataFrame, excess: FloatArray, n_tested: int
) -> dict[str, object]:
    """The figures behind a finding."""
    inside = rows.filter(piece.is_member)
    hits, ups = inside["is_correct"].cast(pl.Int64).sum(), (inside["realised_log_return"] > 0).sum()
    return {
        "first_target_session": str(rows["target_session_date"].min()),
        "last_target_session": str(rows["target_session_date"].max()),
        "excess_log_loss_slice": float(excess[piece.is_member].sum() / inside.height),
        "excess_log_loss_rest": float(excess[~piece.is_member].sum() / (rows.height - inside.height)),
        "standard_error": result.standard_error,
        "degrees_of_freedom": result.degrees_of_freedom,
        "hit_rate_slice": int(hits) / inside.height,
        "up_share_slice": int(ups) / inside.height,
        "n_rest": rows.height - inside.height,
        "slices_tested": n_tested,
    }


def _slices(rows: pl.DataFrame, settings: CuriositySettings) -> Iterator[_Slice]:
    """Every slice of the window, in a fixed order."""
    tickers = rows["ticker"]
    for ticker in tickers.unique().sort().to_list():
        yield _Slice("ticker", ticker, f"for {ticker}", (tickers == ticker).to_numpy())
    weekday = rows["session_date"].dt.weekday().to_numpy()
    for number, name in enumerate(_WEEKDAYS, start=1):
        yield _Slice("weekday", name, f"made on a {name}", weekday == number)
    volatility = rows["volatility"].to_numpy()
    ordered = np.sort(volatility)
    low, high = ordered[(ordered.size - 1) // 3], ordered[2 * (ordered.size - 1) // 3]
    yield _Slice("volatility", "low", "in the lowest third of forecast volatility", volatility <= low)
    middle = (volatility > low) & (volatility <= high)
    yield _Slice("volatility", "middle", "in the middle third of forecast volatility", middle)
    yield _Slice("volatility", "high", "in the highest third of forecast volatility", volatility > high)
    if "has_news" in rows.columns:
        has_news = rows["has_news"].fill_null(False).to_numpy()
        yield _Slice("news", "with", "of tickers with news that session", has_news)
        yield _Slice("news", "without", "of tickers without news that session", ~has_news)
    distance = np.abs(rows["probability_up"].to_numpy() - 0.5)
    weak, strong = settings.confidence_edges
    yield _Slice("confidence", "weak", f"within {weak} of one half", distance < weak)
    moderate = (distance >= weak) & (distance < strong)
    yield _Slice("confidence", "moderate", f"{weak} to {strong} from one half", moderate)
    yield _Slice("confidence", "strong", f"{strong} or more from one half", distance >= strong)


def _is_testable(is_member: BoolArray, blocks: IntArray, settings: CuriositySettings) -> bool:
    """Whether slice and rest are both large enough, in rows and in blocks."""
    return all(
        side.sum() >= settings.minimum_rows
        and clustering.block_count(blocks[side]) >= settings.minimum_blocks
        for side in (is_member, ~is_member)
    )
