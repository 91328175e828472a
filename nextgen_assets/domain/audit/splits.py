"""Splits against the move of the price on their day and around it."""

from __future__ import annotations

import math
from collections.abc import Iterator

import polars as pl

from nextgen_assets.domain.audit.moves import findings

_SIGMAS = 4.0
_BARS_AROUND = 5
_BARS_BEFORE_LARGE, _LARGE = 300, math.log(1.9)
_SHARE_OF_RATIO = 0.2
_RATIOS = [math.log(count) for count in (2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 40, 50)]
_EXACT = 0.02
_SUDDEN_SIGMAS = 15.0


def find(moves: pl.DataFrame, *, are_split_adjusted: bool) -> Iterator[pl.DataFrame]:
    """Findings about splits in the frame of `moves.with_moves`."""
    if are_split_adjusted:
        yield _badly_applied(moves)
    else:
        contradicted = _contradicted(moves)
        yield contradicted
        yield _badly_applied(moves).join(contradicted, on=["ticker", "session_date"], how="anti")
    yield _missing(moves)


def _without_dividends(moves: pl.DataFrame) -> pl.DataFrame:
    step = pl.col("log_step")
    return moves.with_columns(
        net=pl.col("log_move") + pl.when(step.is_finite() & (step.abs() < 1)).then(step).otherwise(0.0)
    )


def _badly_applied(moves: pl.DataFrame) -> pl.DataFrame:
    """Bars that stand in the units before or after a split while their neighbours do not."""
    numbered = _without_dividends(moves).with_columns(place=pl.int_range(pl.len()).over("ticker"))
    is_split = (pl.col("split") != 1) & (pl.col("split").log().abs() > 0.05)
    stated = numbered.filter(is_split).select(
        "ticker", pl.col("place").alias("split_place"), pl.col("split").alias("ratio"),
        pl.col("session_date").alias("split_date"),
    )  # fmt: skip
    size, distance = pl.col("ratio").log().abs(), pl.col("place") - pl.col("split_place")
    before = pl.when(size >= _LARGE).then(_BARS_BEFORE_LARGE).otherwise(_BARS_AROUND)
    near = numbered.join(stated, on="ticker").filter((distance >= -before) & (distance <= _BARS_AROUND))
    off = (pl.col("net").abs() - size).abs()
    moved_alike = (off <= _SHARE_OF_RATIO * size + pl.col("volatility")) & (
        pl.col("net").abs() > _SIGMAS * pl.col("volatility")
    )
    text = pl.format(
        "the price moved by a factor of {} beside a split of {} on {}, in the units of its other side",
        pl.col("net").exp().round(4),
        "ratio",
        pl.col("split_date").cast(pl.String),
    )
    told = near.filter(moved_alike).with_columns(visible=pl.max_horizontal("session_date", "split_date"))
    return findings(told, "split_badly_applied", text, "visible")


def _contradicted(moves: pl.DataFrame) -> pl.DataFrame:
    """Prices as traded that did not move by a stated split."""
    size = pl.col("split").log().abs()
    left = pl.col("log_move").abs()
    unlike = (left > pl.col("raw_log_move").abs()) & (size > _SIGMAS * pl.col("volatility"))
    text = pl.format(
        "a split of {} is stated, the price moved by a factor of {}",
        "split",
        pl.col("raw_log_move").exp().round(4),
    )
    return findings(moves.filter((pl.col("split") != 1) & unlike), "split_contradicts_prices", text)


def _missing(moves: pl.DataFrame) -> pl.DataFrame:
    """A sudden overnight move by a whole ratio out of a calm price, of which nothing is stated."""
    move, overnight = pl.col("raw_log_move"), (pl.col("open") / pl.col("previous_close")).log()
    off = pl.min_horizontal((move.abs() - ratio).abs() for ratio in _RATIOS)
    is_alike = (off < _EXACT) & ((overnight - move).abs() < pl.col("volatility") + _EXACT)
    is_sudden = move.abs() > _SUDDEN_SIGMAS * pl.col("volatility")
    text = pl.format("the price moved overnight by a factor of {}", move.exp().round(4))
    silent = (pl.col("split") == 1) & (pl.col("dividend") == 0)
    is_back = (move + move.shift(-1).over("ticker")).abs() < 0.25 * move.abs()
    was_back = (move + move.shift(1).over("ticker")).abs() < 0.25 * move.abs()
    told = moves.with_columns(
        visible=pl.col("session_date").shift(-1).over("ticker"), is_bad_print=is_back | was_back
    ).filter(silent & is_alike & is_sudden & pl.col("visible").is_not_null() & ~pl.col("is_bad_print"))
    return findings(told, "split_missing", text, "visible")
