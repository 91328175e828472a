"""Splits and dividends: recovered from an adjusted close, dated by when they were known, filtered by it.

An adjusted close folds every later action into one factor per day, ``factor = adjusted_close / close``.
Later actions cancel in the ratio of neighbouring days, so the step

    step(t) = (adjusted_close(t) / close(t)) / (adjusted_close(t-1) / close(t-1))

depends only on what happened on day t: it is the split ratio s, times ``1 + d / close(t)`` for a dividend
d where the source reinvests at the close of the ex-date (``ex_close``), or ``1 / (1 - d / close(t-1))``
where it deducts d from the close before (``previous_close``).
"""

from __future__ import annotations

import math
from datetime import datetime
from fractions import Fraction
from typing import Any, Literal

import polars as pl

from nextgen_assets.domain.sessions import SessionCalendar

DividendBasis = Literal["ex_close", "previous_close"]

ACTION_COLUMNS = (
    "ticker",
    "ex_date",
    "kind",
    "split_ratio",
    "cash_amount_usd",
    "new_ticker",
    "source",
    "known_at",
    "known_at_is_assumed",
)
_NOISE = 1e-6
_EXACT = 2e-6
_LARGEST_DIVIDEND_WITH_SPLIT = 0.01
_BIG_DIVIDEND_STEP = 1.15
_LARGEST_DIVIDEND_STEP = 5.0
_UNEXPLAINED_LOG_MOVE = 0.15

_FORWARD = [Fraction(count) for count in (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 25, 30, 40, 50, 100)]
_PARTIAL = [Fraction(text) for text in ("3/2", "4/3", "5/4", "5/3", "5/2", "6/5", "11/10", "21/20")]
_KNOWN_RATIOS = sorted(
    {*_FORWARD, *_PARTIAL, *(1 / ratio for ratio in _FORWARD), Fraction(2, 3), Fraction(2, 5)}
)
_WITH_DIVIDEND = [float(ratio) for ratio in _KNOWN_RATIOS if ratio >= 2 or ratio <= Fraction(1, 2)]


def recover_actions(
    bars: pl.DataFrame,
    calendar: SessionCalendar,
    source: str,
    dividend_basis: DividendBasis = "ex_close",
    adjusted_close_step_usd: float = 0.0,
) -> pl.DataFrame:
    """Splits and dividends that the adjusted close implies.

    Parameters
    ----------
    bars : polars.DataFrame
        ticker, session_date, close (as traded, > 0), adjusted_close (may be null), any order; one row per
        ticker and session. The first row of each ticker only serves its successor: to recover actions of
        session S, pass the bar before it too.
    calendar : SessionCalendar
        For the opening of the ex-date.
    source : str
        Where the bars come from.
    dividend_basis : {'ex_close', 'previous_close'}
        How the source folds a dividend in (see the module).
    adjusted_close_step_usd : float
        Rounding step of the adjusted close, for example 1e-6; 0 when it has full precision. A step
        of the factor that this rounding could have made is no action.

    Returns
    -------
    polars.DataFrame
        The columns of ``corporate_actions`` without run_id, sorted by ticker, ex_date, kind. Amounts are
        per share held after a split of the same day, rounded to 1e-6. ``known_at`` is the opening of the
        ex-date, assumed.

    Notes
    -----
    Each row depends on two neighbouring bars only, so a range and its single sessions give the same.
    A step counts from 1e-6: in full-precision data the noise is below 1e-13 and the smallest dividend
    above 1e-3. A step that is neither a known split ratio nor a distribution that the price confirms stays
    out; see `unexplained_steps`. A spin-off looks like a dividend of its value. A split together with a
    dividend is told apart up to a dividend of 1% of the price: larger remainders are spin-offs far more
    often, and as a dividend they conserve the value too.
    """
    _refuse_basis(dividend_basis)
    rows = [
        action
        for step in _steps(bars, adjusted_close_step_usd).iter_rows(named=True)
        for action in _explain(step, dividend_basis)
    ]
    return date_actions(pl.DataFrame(rows, schema=_RECOVERED_SCHEMA), calendar, source)


def unexplained_steps(bars: pl.DataFrame, adjusted_close_step_usd: float = 0.0) -> pl.DataFrame:
    """Steps of the adjustment factor that are neither a known split nor a plausible dividend.

    Parameters
    ----------
    bars, adjusted_close_step_usd
        As for `recover_actions`.

    Returns
    -------
    polars.DataFrame
        ticker, session_date, step, price_move (close over the close before), sorted by ticker and
        session_date; for a data-quality report.
    """
    rows = [
        {name: step[name] for name in ("ticker", "session_date", "step", "price_move")}
        for step in _steps(bars, adjusted_close_step_usd).iter_rows(named=True)
        if not _explain(step, "ex_close")
    ]
    schema = {"ticker": pl.String, "session_date": pl.Date, "step": pl.Float64, "price_move": pl.Float64}
    return pl.DataFrame(rows, schema=schema)


def date_actions(actions: pl.DataFrame, calendar: SessionCalendar, source: str) -> pl.DataFrame:
    """Give a provider's actions their ``known_at`` and tidy split ratios.

    Parameters
    ----------
    actions : polars.DataFrame
        ticker, ex_date, kind, split_ratio, cash_amount_usd, new_ticker.
    calendar : SessionCalendar
        An ex-date without trading counts from the next session.
    source : str
        Name of the provider.

    Returns
    -------
    polars.DataFrame
        The columns of ``corporate_actions`` without run_id, sorted by ticker, ex_date, kind. A ratio
        within 2e-6 of a known one becomes it (1.49999925 is 3:2).

    Notes
    -----
    ``known_at`` is the official opening of the ex-date: actions are announced earlier, and by then the
    price shows them. It is assumed, since the history was loaded later.
    """
    days = actions.get_column("ex_date").unique().to_list()
    opens = {day: calendar.open_at(calendar.on_or_after(day)) for day in days}
    moments = pl.DataFrame(
        {"ex_date": list(opens), "known_at": list(opens.values())},
        schema={"ex_date": pl.Date, "known_at": pl.Datetime("us", "UTC")},
    )
    ratios = [None if ratio is None else _tidy(ratio) for ratio in actions.get_column("split_ratio")]
    return (
        actions.with_columns(pl.Series("split_ratio", ratios, pl.Float64))
        .join(moments, on="ex_date", how="left")
        .with_columns(pl.lit(source).alias("source"), pl.lit(True).alias("known_at_is_assumed"))
        .select(ACTION_COLUMNS)
        .sort("ticker", "ex_date", "kind")
    )


def as_known(actions: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """The actions that were known at ``as_of``, order kept.

    Parameters
    ----------
    actions : polars.DataFrame
        Any columns with ``known_at``.
    as_of : datetime
        Aware knowledge cut-off; rows with ``known_at <= as_of`` stay.
    """
    if as_of.utcoffset() is None:
        raise ValueError(f"as_of is {as_of.isoformat()} without a timezone; pass an aware instant")
    return actions.filter(pl.col("known_at") <= as_of)


_RECOVERED_SCHEMA: dict[str, Any] = {
    "ticker": pl.String,
    "ex_date": pl.Date,
    "kind": pl.String,
    "split_ratio": pl.Float64,
    "cash_amount_usd": pl.Float64,
    "new_ticker": pl.String,
}


def _steps(bars: pl.DataFrame, adjusted_close_step_usd: float) -> pl.DataFrame:
    """Rows on which the factor moved by more than rounding can explain, with their neighbours' values."""
    adjusted = pl.col("adjusted_close")
    usable = bars.filter(adjusted.is_finite() & (adjusted > 0)).sort("ticker", "session_date")
    factor = adjusted / pl.col("close")
    by_ticker = usable.select(
        "ticker",
        "session_date",
        "close",
        pl.col("close").shift(1).over("ticker").alias("previous_close"),
        (factor / factor.shift(1).over("ticker")).alias("step"),
        (0.5 * adjusted_close_step_usd * (1 / adjusted + 1 / adjusted.shift(1).over("ticker"))).alias(
            "rounding"
        ),
    )
    allowed = _NOISE + 1.01 * pl.col("rounding") * pl.col("step")
    return by_ticker.filter((pl.col("step") - 1).abs() > allowed).with_columns(
        (pl.col("close") / pl.col("previous_close")).alias("price_move"),
        (_EXACT + pl.col("rounding")).alias("exactness"),
    )


def _explain(step: dict[str, Any], basis: DividendBasis) -> list[dict[str, Any]]:
    """The actions behind one step; none when nothing known explains it."""
    size, move = step["step"], step["price_move"]
    key = {"ticker": step["ticker"], "ex_date": step["session_date"], "kind": "dividend"}
    ratio = _known_ratio(size, step["exactness"])
    if ratio is not None:
        return [{**key, "kind": "split", "split_ratio": ratio}] if _is_explained_by(ratio, move) else []
    for candidate in _WITH_DIVIDEND:
        rest = size / candidate - 1
        if 0 < rest <= _LARGEST_DIVIDEND_WITH_SPLIT and _is_explained_by(candidate, move):
            amount = _dividend(1 + rest, step["close"], step["previous_close"] / candidate, basis)
            return [{**key, "cash_amount_usd": amount}, {**key, "kind": "split", "split_ratio": candidate}]
    is_small = 1 < size <= _BIG_DIVIDEND_STEP
    if is_small or (
        1 < size <= _LARGEST_DIVIDEND_STEP and abs(math.log(move * size)) <= _UNEXPLAINED_LOG_MOVE
    ):
        return [{**key, "cash_amount_usd": _dividend(size, step["close"], step["previous_close"], basis)}]
    return []


def _dividend(step: float, close: float, previous_close: float, basis: DividendBasis) -> float:
    amount = close * (step - 1) if basis == "ex_close" else previous_close * (1 - 1 / step)
    return round(amount, 6)


def _is_explained_by(ratio: float, price_move: float) -> bool:
    """Whether the price moved as the ratio says, up to half of it and an ordinary day's move."""
    left_over = abs(math.log(price_move * ratio))
    return left_over <= _UNEXPLAINED_LOG_MOVE + 0.5 * abs(math.log(ratio))


def _known_ratio(size: float, exactness: float) -> float | None:
    nearest = min(_KNOWN_RATIOS, key=lambda ratio: abs(size / float(ratio) - 1))
    return float(nearest) if abs(size / float(nearest) - 1) <= exactness else None


def _tidy(ratio: float) -> float:
    known = _known_ratio(ratio, _EXACT)
    return ratio if known is None else known


def _refuse_basis(basis: str) -> None:
    if basis not in ("ex_close", "previous_close"):
        raise ValueError(
            f"dividend_basis is {basis!r}, expected 'ex_close' or 'previous_close': "
            "take the dividend_basis that the provider states"
        )
