"""How each bar moved from the one before, and what its actions and its adjusted close say of that move.

With close c, adjusted close a and factor f = a / c, a session t has

    move(t) = c(t) / c(t-1)          step(t) = f(t) / f(t-1) / r(t)

where r is the split that the prices still contain (1 when they are adjusted for it). Without a dividend the
step is 1; a dividend d makes it 1 / (1 - d / c(t-1)), or 1 + d / c(t) with the basis ``ex_close``.
"""

from __future__ import annotations

from typing import Any, Literal

import polars as pl

Basis = Literal["previous_close", "ex_close"]

_VOLATILITY_SESSIONS = 40
_LEAST_VOLATILITY = 0.01
_UNKNOWN_VOLATILITY = 0.02
_PRICES = ("open", "high", "low", "close")


def finding_schema(moves: pl.DataFrame) -> dict[str, Any]:
    """Columns of findings; sessions in the type of the bars."""
    day = moves.schema["session_date"]
    return {
        "ticker": pl.String(),
        "session_date": day,
        "fault": pl.String(),
        "evidence": pl.String(),
        "visible_from": day,
    }


def with_moves(bars: pl.DataFrame, *, are_split_adjusted: bool, basis: Basis) -> pl.DataFrame:
    """The bars with what the rules need, sorted by ticker and session.

    Returns
    -------
    polars.DataFrame
        Beside the columns of ``bars``: previous_close, log_move (of closes, splits taken out), raw_log_move
        (as the prices stand), log_step (null without two positive adjusted closes; NaN for one that is
        negative), drop (share of the price lost, splits taken out), stated_yield, volatility (robust, of
        earlier sessions only) and split (1 where there is none).
    """
    close, before = pl.col("close"), pl.col("previous_close")
    numbers = [*_PRICES, "volume", "adjusted_close", "dividend", "split_ratio", "capital_gain"]
    usable = (
        bars.with_columns(pl.col(name).cast(pl.Float64) for name in numbers)
        .filter(close.is_finite() & (close > 0))
        .sort("ticker", "session_date")
        .with_columns(
            pl.col("dividend", "capital_gain").fill_null(0.0),
            split=pl.when(pl.col("split_ratio") > 0).then("split_ratio").otherwise(1.0),
            previous_close=close.shift(1).over("ticker"),
            factor=pl.col("adjusted_close") / close,
        )
    )
    applied = pl.lit(1.0) if are_split_adjusted else pl.col("split")
    step = pl.col("factor") / pl.col("factor").shift(1).over("ticker") / applied
    moved = usable.with_columns(
        raw_log_move=(close / before).log(),
        log_move=(close / before * applied).log(),
        log_step=step.log(),
        drop=1 - close / before * applied,
        stated_yield=pl.col("dividend") / before * applied if basis == "previous_close" else None,
    )
    if basis == "ex_close":
        ex_yield = pl.col("dividend") / close
        moved = moved.with_columns(stated_yield=ex_yield / (1 + ex_yield))
    typical = 1.4826 * pl.col("log_move").abs().rolling_median(_VOLATILITY_SESSIONS, min_samples=5)
    return moved.with_columns(
        volatility=typical.shift(1)
        .over("ticker")
        .fill_null(_UNKNOWN_VOLATILITY)
        .clip(lower_bound=_LEAST_VOLATILITY)
    )


def findings(
    found: pl.DataFrame, fault: str, evidence: pl.Expr, visible_from: str = "session_date"
) -> pl.DataFrame:
    """Rows of ``found`` as findings of one fault."""
    return found.select(
        "ticker",
        "session_date",
        pl.lit(fault).alias("fault"),
        evidence.alias("evidence"),
        pl.col(visible_from).alias("visible_from"),
    )
