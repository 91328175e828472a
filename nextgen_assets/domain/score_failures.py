"""Failed scorings: when each is tried again, and when it is given up."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

FINAL_CLASSES = ("other_language",)
"""What no later attempt of the same version can change."""
LONGEST_WAIT = timedelta(days=1)
KEY = ("article_id", "ticker", "scorer", "model", "prompt_version")
_INSTANT = pl.Datetime("us", "UTC")
FAILURE_ROW_SCHEMA = {
    **dict.fromkeys(KEY, pl.String()),
    "error_class": pl.String(),
    "detail": pl.String(),
    "attempts": pl.Int32(),
    "first_failed_at": _INSTANT,
    "last_failed_at": _INSTANT,
    "next_attempt_at": _INSTANT,
}


def due_items(items: pl.DataFrame, failures: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """The rows of ``items`` that may be tried at ``now``.

    Parameters
    ----------
    items : polars.DataFrame
        At least article_id and ticker.
    failures : polars.DataFrame
        article_id, ticker and next_attempt_at of one scorer version; null: given up.
    """
    early = pl.col("next_attempt_at").is_null() | (pl.col("next_attempt_at") > now)
    return items.join(failures.filter(early), on=["article_id", "ticker"], how="anti", maintain_order="left")


def failure_rows(
    failed: pl.DataFrame,
    earlier: pl.DataFrame,
    now: datetime,
    *,
    retry_minutes: int,
    max_attempts: int,
) -> pl.DataFrame:
    """Rows for what failed at ``now``: attempt n + 1 waits ``retry_minutes * 2**(n - 1)``, a day at most.

    Where the service stated a longer wait, that one holds.

    Parameters
    ----------
    failed : polars.DataFrame
        ``KEY``, error_class, detail and retry_after_seconds (the stated wait or null) of this run's failures.
    earlier : polars.DataFrame
        article_id, ticker, attempts, first_failed_at of earlier ones of the same scorer version.
    retry_minutes, max_attempts : int
        First wait, and the failures after which ``next_attempt_at`` is null.

    Returns
    -------
    polars.DataFrame
        ``FAILURE_ROW_SCHEMA``, in the order of ``failed``.
    """
    known = earlier.select("article_id", "ticker", "attempts", "first_failed_at")
    joined = failed.join(known, on=["article_id", "ticker"], how="left", maintain_order="left")
    moment = pl.lit(now).cast(_INSTANT)
    attempts = (pl.col("attempts").fill_null(0) + 1).cast(pl.Int32)
    counted = joined.with_columns(
        attempts=attempts,
        first_failed_at=pl.col("first_failed_at").fill_null(moment),
        last_failed_at=moment,
    )
    doublings = (pl.col("attempts") - 1).clip(0, 20).cast(pl.Int64)
    wait = pl.duration(minutes=pl.lit(2, pl.Int64).pow(doublings) * retry_minutes)
    longest = pl.lit(LONGEST_WAIT)
    stated = pl.duration(milliseconds=(pl.col("retry_after_seconds") * 1_000).ceil().cast(pl.Int64))
    planned = pl.when(wait > longest).then(longest).otherwise(wait)
    again = moment + pl.when(stated > planned).then(stated).otherwise(planned)
    given_up = (pl.col("attempts") >= max_attempts) | pl.col("error_class").is_in(FINAL_CLASSES)
    return counted.with_columns(
        next_attempt_at=pl.when(given_up).then(pl.lit(None, _INSTANT)).otherwise(again)
    ).select(pl.col(name).cast(dtype) for name, dtype in FAILURE_ROW_SCHEMA.items())
