"""How good each member of the ensemble is by itself, on the predictions that were issued."""

from __future__ import annotations

from datetime import date

import polars as pl

from nextgen_assets.domain.scope_scores import FEEDBACK_SCHEMA, FeedbackSettings, scope_rows
from nextgen_assets.domain.scorecard import POINT_METRICS
from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.validation import log_loss

_KEYS = ["ticker", "session_date"]


def member_metrics(
    rows: pl.DataFrame,
    members: pl.DataFrame,
    month_ends: list[date],
    calendar: SessionCalendar,
    settings: FeedbackSettings,
) -> pl.DataFrame:
    """Score what each member had said, before calibration, as scope model:<family>.

    Parameters
    ----------
    rows : frame
        Judged predictions as ``base_rates.with_base_rate`` returns them.
    members : frame
        [ticker, session_date, family, probability_up]; the first of a family counts.
    month_ends : list of date
        Sessions to score.

    Returns
    -------
    frame
        ``FEEDBACK_SCHEMA``. Members state no bounds, so only scores of the probability have a row.
    """
    parts = [pl.DataFrame(schema=FEEDBACK_SCHEMA)]
    is_up = pl.col("realised_log_return") > 0
    for family in members["family"].unique().sort().to_list() if month_ends else []:
        said = members.filter(family=family).unique(_KEYS, keep="first", maintain_order=True)
        alone = (
            rows.drop("probability_up")
            .join(said.select(*_KEYS, "probability_up"), on=_KEYS, how="inner", maintain_order="left")
            .with_columns(
                is_correct=(pl.col("probability_up") >= 0.5) == is_up,
                brier_score=(pl.col("probability_up") - is_up.cast(pl.Float64)) ** 2,
                log_loss=log_loss(pl.col("probability_up"), is_up),
            )
        )
        scored = scope_rows(f"model:{family}", alone, month_ends, calendar, settings)
        parts.append(scored.filter(pl.col("metric").is_in(POINT_METRICS)))
    return pl.concat(parts)
