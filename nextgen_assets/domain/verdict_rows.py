"""Verdicts of the promotion gate as rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from nextgen_assets.domain.live_models import LiveModel
from nextgen_assets.domain.promotion import Verdict
from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.trained_model import canonical_json

VERDICT_SCHEMA: dict[str, Any] = {
    "cutoff_session": pl.Date,
    "model_id": pl.String,
    "family": pl.String,
    "recipe": pl.String,
    "champion": pl.String,
    "verdict": pl.String,
    "reason_code": pl.String,
    "reason": pl.String,
    "n": pl.Int32,
    "n_sessions": pl.Int32,
    "n_trials": pl.Int32,
    "evidence": pl.String,
    "as_of": pl.Datetime("us", "UTC"),
    "target_ticker": pl.String,
}


@dataclass(frozen=True, eq=False)
class Judged:
    """A verdict, whom it is about, and how many configurations had been tried by then.

    ``ticker`` is whose forecasts alone were judged; None for those of the universe.
    """

    cutoff: date
    model: LiveModel
    ticker: str | None
    verdict: Verdict
    n_trials: int


def verdict_rows(
    judged: Iterable[Judged],
    champions: Mapping[date, str],
    calendar: SessionCalendar,
    cutoff_delay_minutes: int,
) -> pl.DataFrame:
    """Rows of ``promotion_verdicts`` less run_id, in the order given.

    Parameters
    ----------
    champions : mapping of date to str
        What the contenders of each cut-off had to beat.
    """
    rows = [
        (
            each.cutoff,
            each.model.model_id,
            each.model.family,
            each.model.recipe,
            champions[each.cutoff],
            each.verdict.verdict,
            each.verdict.reason_code,
            each.verdict.reason,
            each.verdict.n,
            each.verdict.n_sessions,
            each.n_trials,
            canonical_json(each.verdict.evidence),
            calendar.cutoff(each.cutoff, cutoff_delay_minutes),
            each.ticker,
        )
        for each in judged
    ]
    return pl.DataFrame(rows, schema=VERDICT_SCHEMA, orient="row")
