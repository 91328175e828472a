"""Abstentions as a forecast of their own: how often, and what they would have scored."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from nextgen_assets.domain import clustering
from nextgen_assets.domain.base_rates import base_rates, with_base_scores
from nextgen_assets.domain.clustering import ClusteredEstimate, FloatArray, IntArray
from nextgen_assets.domain.scope_scores import FEEDBACK_SCHEMA, FeedbackSettings, scope_rows
from nextgen_assets.domain.scorecard import POINT_METRICS
from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.trailing_scores import proportion_error
from nextgen_assets.domain.validation import cutoff_frame, log_loss

ANY = "any"
SHARE = "abstained_share"
ABSTENTION_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "prediction_id": pl.String,
    "scenario_id": pl.String,
    "ticker": pl.String,
    "session_date": pl.Date,
    "target_session_date": pl.Date,
    "abstain_reason": pl.String,
    "raw_probability_up": pl.Float64,
    "volatility": pl.Float64,
    "realised_log_return": pl.Float64,
    "is_correct": pl.Boolean,
    "brier_score": pl.Float64,
    "log_loss": pl.Float64,
    "price_known_at": pl.Datetime("us", "UTC"),
    "as_of": pl.Datetime("us", "UTC"),
}


@dataclass(frozen=True)
class Silence:
    """What was abstained from.

    Parameters
    ----------
    counts : frame
        [session_date, abstain_reason (null: a prediction was made), n], of two windows up to each month end.
    judged : frame
        ticker, session_date, target_session_date, abstain_reason, probability_up (raw), volatility,
        realised_log_return, is_correct, brier_score, log_loss of abstentions whose target session has closed.
    """

    counts: pl.DataFrame
    judged: pl.DataFrame


def judge_abstentions(
    predictions: pl.DataFrame,
    realised: pl.DataFrame,
    sessions: list[date],
    calendar: SessionCalendar,
    delay_minutes: int,
) -> pl.DataFrame:
    """What the raw probability of each abstention with a target in ``sessions`` would have scored.

    Parameters
    ----------
    predictions, realised, sessions, calendar, delay_minutes
        As for ``validation.validate_predictions``.

    Returns
    -------
    frame
        Columns of abstention_outcomes less run_id and validated_at, by (target_session_date, ticker). An
        abstention without a probability or a volatility has no row: there is nothing to score.

    Notes
    -----
    As-of rule: prices known by the cut-off of the target session, as for what was predicted.
    """
    silent = predictions.filter(
        pl.col("abstained"),
        pl.col("target_session_date").is_in(sessions),
        pl.col("raw_probability_up").is_not_null(),
        pl.col("volatility").is_not_null(),
    ).drop("as_of")
    cutoffs = cutoff_frame(sessions, calendar, delay_minutes, "target_session_date")
    keys = ["ticker", "session_date", "target_session_date"]
    known = realised.select(*keys, "realised_log_return", "price_known_at").drop_nulls()
    is_up, probability = pl.col("realised_log_return") > 0, pl.col("raw_probability_up")
    return (
        silent.join(cutoffs, on="target_session_date")
        .join(known, on=keys)
        .filter(pl.col("price_known_at") <= pl.col("as_of"))
        .with_columns(
            is_correct=(probability >= 0.5) == is_up,
            brier_score=(probability - is_up.cast(pl.Float64)) ** 2,
            log_loss=log_loss(probability, is_up),
        )
        .select(pl.col(name).cast(kind) for name, kind in ABSTENTION_SCHEMA.items())
        .sort("target_session_date", "ticker", "session_date", "prediction_id")
    )


def abstention_metrics(
    silence: Silence,
    spoken: pl.DataFrame,
    month_ends: list[date],
    calendar: SessionCalendar,
    settings: FeedbackSettings,
) -> pl.DataFrame:
    """How often nothing was predicted, by reason, and what it would have scored.

    Parameters
    ----------
    silence : Silence
        Abstentions, and those that could be judged.
    spoken : frame
        Judged predictions: their outcomes make the base rate.
    month_ends : list of date
        Sessions to score.

    Returns
    -------
    frame
        ``FEEDBACK_SCHEMA``: scopes abstention:<reason> and abstention:any. abstained_share stands beside the
        share in the window before, where either is not zero; the scores beside the base rate. A reason with fewer
        than two blocks of sessions has no scores.
    """
    parts = [pl.DataFrame(schema=FEEDBACK_SCHEMA)]
    reasons = silence.counts["abstain_reason"].drop_nulls().unique().sort().to_list()
    silent = _scorable(silence.judged, spoken, calendar, settings)
    for reason in [ANY, *reasons] if reasons and month_ends else []:
        parts += [_share(reason, silence.counts, day, calendar, settings) for day in month_ends]
        rows = silent if reason == ANY else silent.filter(abstain_reason=reason)
        scored = scope_rows(
            f"abstention:{reason}", rows, month_ends, calendar, settings, 2 * settings.block_sessions
        )
        parts.append(scored.filter(pl.col("metric").is_in(POINT_METRICS)))
    return pl.concat(parts)


def _scorable(
    judged: pl.DataFrame, spoken: pl.DataFrame, calendar: SessionCalendar, settings: FeedbackSettings
) -> pl.DataFrame:
    """Judged abstentions with the base rate of their session; they state no bounds."""
    made_on = judged["session_date"].unique().sort().to_list()
    outcomes = spoken.select("target_session_date", "realised_log_return")
    base = base_rates(outcomes, made_on, calendar, settings.climatology_sessions)
    unstated = pl.lit(0.0)
    return with_base_scores(judged, base).with_columns(
        lower_log_return=unstated, upper_log_return=unstated, is_inside_interval=False, interval_coverage=0.5
    )


def _share(
    reason: str, counts: pl.DataFrame, session: date, calendar: SessionCalendar, settings: FeedbackSettings
) -> pl.DataFrame:
    """Share of the window up to ``session`` beside that of the window before; empty where either is too short."""
    window, now = settings.window_sessions, calendar.index(session)
    found = [
        _clustered(reason, counts, calendar, now - ahead - window + 1, now - ahead, settings)
        for ahead in (0, window)
    ]
    if any(share is None for share in found):
        return pl.DataFrame(schema=FEEDBACK_SCHEMA)
    (share, n, n_sessions), (before, _, _) = [each for each in found if each is not None]
    if share.value == before.value == 0.0:  # a reason of other sessions of the range
        return pl.DataFrame(schema=FEEDBACK_SCHEMA)
    reach = clustering.student_quantile(0.5 + settings.confidence / 2, share.degrees_of_freedom)
    difference = share.value - before.value
    error = float(np.hypot(share.standard_error, before.standard_error))
    status = "indistinct" if abs(difference) <= reach * error else "worse" if difference > 0 else "better"
    details = {
        "baseline": "share in the window before",
        "difference": difference,
        "difference_lower": difference - reach * error,
        "difference_standard_error": error,
        "difference_upper": difference + reach * error,
        "n_blocks": share.degrees_of_freedom + 1,
    }
    row = {
        "session_date": session,
        "scope": f"abstention:{reason}",
        "metric": SHARE,
        "value": share.value,
        "lower": max(0.0, share.value - reach * share.standard_error),
        "upper": min(1.0, share.value + reach * share.standard_error),
        "n": n,
        "n_sessions": n_sessions,
        "baseline_value": before.value,
        "status": status,
        "details": json.dumps(details, sort_keys=True, separators=(",", ":")),
    }
    return pl.DataFrame([row], schema=FEEDBACK_SCHEMA)


def _clustered(
    reason: str,
    counts: pl.DataFrame,
    calendar: SessionCalendar,
    first: int,
    last: int,
    settings: FeedbackSettings,
) -> tuple[ClusteredEstimate, int, int] | None:
    """Share of all that was issued at positions ``first`` to ``last``, how many that were, and their sessions."""
    if first < 0:
        return None
    days = (calendar.sessions[first], calendar.sessions[last])
    rows = counts.filter(pl.col("session_date").is_between(*days))
    if rows["session_date"].n_unique() < settings.minimum_sessions:
        return None
    counted = pl.col("abstain_reason").is_not_null() if reason == ANY else pl.col("abstain_reason") == reason
    per_day = rows.group_by("session_date", maintain_order=True).agg(
        n=pl.col("n").sum(), silent=pl.col("n").filter(counted.fill_null(False)).sum()
    )
    places: IntArray = np.array([calendar.index(day) for day in per_day["session_date"]], dtype=np.int64)
    blocks = (last - places) // settings.block_sessions
    size = int(blocks.max()) + 1
    n, silent = (
        np.asarray(np.bincount(blocks, per_day[name].to_numpy().astype(np.float64), size), dtype=np.float64)
        for name in ("n", "silent")
    )
    total = float(n.sum())
    value = float(silent.sum()) / total
    return _estimate(n, silent, value, total), int(total), per_day.height


def _estimate(n: FloatArray, silent: FloatArray, value: float, total: float) -> ClusteredEstimate:
    errors, degrees = clustering.block_standard_error(
        n[None, :], silent[None, :], np.array([value]), np.array([total])
    )
    floor = proportion_error(np.array([value]), degrees + 1)
    return ClusteredEstimate(value, float(errors[0] or floor[0]), int(degrees[0]))
