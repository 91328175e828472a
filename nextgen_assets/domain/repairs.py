"""Repairs of faults that determine their own correction; every one names its rule and what it rests on.

Off unless a rule is named. A repair is a proposal for a new version of a bar or an action: who writes it keeps
the old one, and it is known from the moment of the repair on. A fault whose right value would have to be
invented (a bad print, a stale run) is never repaired.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from functools import partial
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import polars as pl

from nextgen_assets.domain.audit.moves import Basis, with_moves

REPAIRS = MappingProxyType(
    {
        "unit_switch": "a refused bar about 100 times away is brought to the unit of the last accepted close",
        "price_100x": "one price of a bar is brought to the unit of the others",
        "dividend_wrong_scale": "a dividend 100 times off is brought to scale",
        "dividend_doubled": "the phantom of two equal dividends is taken back",
        "split_missing": "a split that the price shows and nobody states is added",
        "split_badly_applied": "bars in the units of the other side of a split are brought to their own",
    }
)
"""What can be repaired, in words."""

_PRICES = ("open", "high", "low", "close")
_KEY = ("ticker", "session_date")
_FROM, _UNTIL = 70.0, 140.0
_TINY_YIELD, _LARGE_YIELD = 3e-4, 0.12
_CONVINCED = 1.5
"""Logarithm of how much likelier the falls of the price are with the scaled dividends."""

_PAST = "540d"
_LONGEST_SEGMENT_BARS, _SHARE_OF_RATIO = 300, 0.2


def repair_schema(session: Any) -> dict[str, Any]:
    """Columns of proposals: one row per changed number; ``field`` is a price, volume, dividend or split_ratio."""
    return {
        "ticker": pl.String(),
        "session_date": session,
        "rule": pl.String(),
        "field": pl.String(),
        "before": pl.Float64(),
        "after": pl.Float64(),
    }


def propose_repairs(
    bars: pl.DataFrame,
    findings: pl.DataFrame,
    rules: Collection[str],
    *,
    are_split_adjusted: bool = False,
    dividend_basis: Basis = "previous_close",
) -> pl.DataFrame:
    """What the named rules would correct of the audited bars.

    Parameters
    ----------
    bars : polars.DataFrame
        As for `audit.audit`.
    findings : polars.DataFrame
        What the audit said of them, or a part of it.
    rules : collection of str
        Of ``REPAIRS``. ``unit_switch`` proposes nothing here: such bars were refused, see `in_unit_of`.

    Returns
    -------
    polars.DataFrame
        `repair_schema`, sorted by ticker, session_date and field. An ``after`` of 0 in a dividend takes it back.

    Notes
    -----
    A proposal uses what the finding used, so nothing later than its ``visible_from``. Where the numbers leave
    two corrections open, none is proposed.
    """
    moves = with_moves(bars, are_split_adjusted=are_split_adjusted, basis=dividend_basis)
    makers: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
        "price_100x": _prices_in_unit,
        "dividend_wrong_scale": partial(_scaled_dividends, moves),
        "dividend_doubled": partial(_changed, field="dividend", after=pl.lit(0.0)),
        "split_missing": _added_splits,
        "split_badly_applied": partial(_segments, moves),
    }
    empty = pl.DataFrame(schema=repair_schema(moves.schema["session_date"]))
    parts = [empty]
    for rule in sorted(set(rules) & set(makers)):
        fault = findings.filter(pl.col("fault") == rule).select(_KEY).unique(maintain_order=True)
        found = moves.join(fault, on=_KEY, how="inner", maintain_order="left")
        if found.height:
            made = makers[rule](found).with_columns(rule=pl.lit(rule))
            parts.append(made.select(empty.columns))
    proposed = pl.concat(parts).filter(pl.col("after").is_finite() & (pl.col("after") != pl.col("before")))
    return proposed.sort(*_KEY, "field", "rule").unique([*_KEY, "field"], keep="first", maintain_order=True)


def in_unit_of(values: dict[str, float], last_close: float) -> dict[str, float] | None:
    """The prices of a bar in the unit of ``last_close``; None when neither a hundredth nor hundredfold fits.

    Examples
    --------
    >>> in_unit_of({"open": 9900.0, "high": 10100.0, "low": 9800.0, "close": 10000.0}, 101.0)["close"]
    100.0
    """
    if 0.8 <= values["close"] / 100 / last_close <= 1.25:
        return {name: values[name] / 100 for name in _PRICES}
    if 0.8 <= values["close"] * 100 / last_close <= 1.25:
        return {name: values[name] * 100 for name in _PRICES}
    return None


def _changed(found: pl.DataFrame, field: str, after: pl.Expr) -> pl.DataFrame:
    return found.select(
        *_KEY,
        pl.lit(field).alias("field"),
        pl.col(field).cast(pl.Float64).alias("before"),
        after.cast(pl.Float64).alias("after"),
    )


def _prices_in_unit(found: pl.DataFrame) -> pl.DataFrame:
    middle = pl.concat_list(*_PRICES).list.median()
    ratio = [(pl.col(name) / middle).alias(f"_{name}") for name in _PRICES]
    seen = found.with_columns(ratio)
    after = {
        name: pl.when(pl.col(f"_{name}").is_between(_FROM, _UNTIL))
        .then(pl.col(name) / 100)
        .when((1 / pl.col(f"_{name}")).is_between(_FROM, _UNTIL))
        .then(pl.col(name) * 100)
        .otherwise(pl.col(name))
        for name in _PRICES
    }
    fits = (pl.max_horizontal(after.values()) == after["high"]) & (
        pl.min_horizontal(after.values()) == after["low"]
    )
    return pl.concat([_changed(seen.filter(fits), name, value) for name, value in after.items()])


def _scaled_dividends(moves: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """By the adjusted close where it disagrees, else by what is usual, else by what cannot be.

    Notes
    -----
    Either the dividend or the adjusted close may be wrong: the falls of the price on the ex-dates decide. A
    dividend is scaled when they are, up to it, clearly likelier with the scaled amounts.
    """
    paid = moves.filter(pl.col("dividend") > 0).sort(*_KEY)
    usual = pl.col("stated_yield").rolling_median_by("session_date", _PAST, min_samples=2, closed="left")
    seen = found.join(paid.select(*_KEY, usual=usual.over("ticker")), on=list(_KEY), how="left")
    stated, implied = pl.col("stated_yield"), 1 - (-pl.col("log_step")).exp()
    factor: Any = pl.when(pl.lit(False)).then(1.0)
    for reference in (implied, pl.col("usual")):
        factor = factor.when((stated / reference).is_between(_FROM, _UNTIL)).then(0.01)
        factor = factor.when((reference / stated).is_between(_FROM, _UNTIL)).then(100.0)
    factor = factor.when(stated >= _LARGE_YIELD).then(0.01).when(stated < _TINY_YIELD).then(100.0)
    spread = 2 * pl.col("volatility").pow(2)
    drop, scaled = pl.col("drop"), stated * pl.col("factor")
    favours = ((drop - stated).pow(2) - (drop - scaled).pow(2)) / spread
    weighed = seen.with_columns(factor=factor).sort(*_KEY).with_columns(favours=favours)
    is_convincing = pl.col("favours").cum_sum().over("ticker") > _CONVINCED
    return _changed(weighed.filter(is_convincing), "dividend", pl.col("dividend") * pl.col("factor"))


def _added_splits(found: pl.DataFrame) -> pl.DataFrame:
    move = (-pl.col("raw_log_move")).exp()
    ratio = pl.when(move >= 1).then(move.round()).otherwise(1 / (1 / move).round())
    return _changed(found.with_columns(split_ratio=pl.lit(1.0)), "split_ratio", ratio)


def _segments(moves: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """Bars between a jump by the ratio of a split and the jump back, all prices by that ratio."""
    placed = moves.with_columns(place=pl.int_range(pl.len()).over("ticker"))
    splits: dict[str, list[float]] = {}
    for ticker, split in moves.filter(pl.col("split") != 1).select("ticker", "split").iter_rows():
        splits.setdefault(ticker, []).append(abs(math.log(split)))
    size = pl.col("split").log().abs()
    of_split = (pl.col("split") != 1) & ((pl.col("log_move").abs() - size).abs() < _SHARE_OF_RATIO * size)
    mine = placed.join(found.select("ticker").unique(), on="ticker", how="semi")
    jumps = pl.concat([placed.join(found.select(_KEY), on=list(_KEY), how="semi"), mine.filter(of_split)])
    jumps = jumps.select("ticker", "place", "log_move").unique()
    spans = []
    for (ticker,), mine in jumps.sort("ticker", "place").group_by("ticker", maintain_order=True):
        rows = mine.select("place", "log_move").rows()
        for (begin, into), (end, back) in pairwise(rows):
            sizes = splits.get(str(ticker), [])
            if not sizes or into * back >= 0 or end - begin > _LONGEST_SEGMENT_BARS:
                continue
            ratio = min(sizes, key=lambda known: abs(known - abs(into)))
            allowed = _SHARE_OF_RATIO * ratio
            if abs(abs(into) - ratio) < allowed and abs(abs(back) - ratio) < allowed:
                spans.append((ticker, begin, end, math.exp(-math.copysign(ratio, into))))
    schema = {"ticker": pl.String(), "begin": pl.Int64(), "end": pl.Int64(), "scale": pl.Float64()}
    inside = placed.join(pl.DataFrame(spans, schema=schema, orient="row"), on="ticker").filter(
        pl.col("place").is_between("begin", "end", closed="left")
    )
    prices = [_changed(inside, name, pl.col(name) * pl.col("scale")) for name in _PRICES]
    return pl.concat(prices)
