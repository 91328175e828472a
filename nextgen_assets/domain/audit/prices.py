"""Prices by themselves: units, prints that are back at once, bars that repeat."""

from __future__ import annotations

import math
from collections.abc import Iterator

import polars as pl

from nextgen_assets.domain.audit.moves import findings

_UNIT = (math.log(80.0), math.log(125.0))
_FAR = math.log(3.0)
_BACK_SHARE = 0.25
_STALE_BARS = 5


def find(moves: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Findings about prices in the frame of `moves.with_moves`."""
    yield _unit_switches(moves)
    yield _within_the_bar(moves)
    yield _bad_closes(moves)
    yield _stale(moves)


def _unit_switches(moves: pl.DataFrame) -> pl.DataFrame:
    move = pl.col("log_move")
    text = pl.format("close {} after {}", "close", "previous_close")
    return findings(moves.filter(move.abs().is_between(*_UNIT)), "unit_switch", text)


def _within_the_bar(moves: pl.DataFrame) -> pl.DataFrame:
    """A price of the bar far from its others: by about 100, or beyond three times."""
    middle = pl.concat_list("open", "high", "low", "close").list.median()
    away = [(pl.col(name) / middle).log().abs() for name in ("open", "high", "low", "close")]
    worst = pl.max_horizontal(away)
    text = pl.format("open {}, high {}, low {}, close {}", "open", "high", "low", "close")
    is_wide = pl.max_horizontal("open", "high", "low", "close") > 2.5 * pl.min_horizontal(
        "open", "high", "low", "close"
    )
    seen = moves.filter(is_wide).with_columns(away=worst)
    seen = seen.filter(pl.col("away").is_finite() & (pl.col("away") > _FAR))
    is_unit = pl.col("away").is_between(_UNIT[0] - 0.1, _UNIT[1] + 0.1)
    return pl.concat(
        [
            findings(seen.filter(is_unit), "price_100x", text),
            findings(seen.filter(~is_unit), "bad_print", text),
        ]
    )


def _bad_closes(moves: pl.DataFrame) -> pl.DataFrame:
    """A close that is far out, and back with the next one."""
    move = pl.col("log_move")
    after = move.shift(-1).over("ticker")
    is_out = (move.abs() > _FAR) & ~move.abs().is_between(*_UNIT)
    is_back = (move + after).abs() < _BACK_SHARE * move.abs()
    text = pl.format("close {} between {} and {}", "close", "previous_close", "next_close")
    told = moves.with_columns(
        visible=pl.col("session_date").shift(-1).over("ticker"),
        next_close=pl.col("close").shift(-1).over("ticker"),
        is_bad=is_out & is_back,
    ).filter(pl.col("is_bad"))
    return findings(told, "bad_print", text, "visible")


def _stale(moves: pl.DataFrame) -> pl.DataFrame:
    """Runs of bars that equal the one before and have no volume; told once, at the bar that makes it a run."""
    same = pl.all_horizontal(
        pl.col(name) == pl.col(name).shift(1).over("ticker") for name in ("open", "high", "low", "close")
    ).fill_null(False) & (pl.col("volume") == 0)
    runs = moves.with_columns(same=same).with_columns(run=(~pl.col("same")).cum_sum().over("ticker"))
    counted = runs.with_columns(
        place=pl.int_range(pl.len()).over("ticker", "run"),
        begun=pl.col("session_date").first().over("ticker", "run"),
    ).filter(pl.col("place") == _STALE_BARS)
    told = counted.with_columns(visible=pl.col("session_date"), session_date=pl.col("begun"))
    text = pl.format(
        "{} sessions without volume repeat the bar of {}",
        pl.lit(_STALE_BARS),
        pl.col("begun").cast(pl.String),
    )
    return findings(told, "stale_run", text, "visible")
