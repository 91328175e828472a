"""Dividends against the adjusted close, against the fall of the price, and against each other."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from nextgen_assets.domain.audit.moves import findings

_NOTICEABLE = 4e-4
"""Smallest step of the factor, as a share of the price, that rounding does not make."""

_RELATIVE_TOLERANCE = 0.08
_SCALES = (70.0, 140.0)
_LARGE_YIELD = 0.12
_SUPPORTED_SHARE = 0.2
_SIGMAS = 4.0
_TINY_YIELD = 3e-4
_TINY_IN_A_ROW = 4
_CONVINCED = 1.5
"""Logarithm of how much likelier the falls of the price are with a hundred times the dividend."""

_PAST, _LONGEST_GAP_DAYS = "540d", 400
"""How far back the dividends of a ticker say what is usual for it."""

_DOUBLE_DAYS, _FAR_DOUBLE_DAYS, _RARE_PAYER_DAYS = 7, 17, 60


def find(moves: pl.DataFrame, *, may_be_late: bool) -> Iterator[pl.DataFrame]:
    """Findings about dividends in the frame of `moves.with_moves`."""
    implied = 1 - (-pl.col("log_step")).exp()
    known = moves.with_columns(implied=implied)
    if may_be_late:
        known = _with_late_steps(known)
    paid = known.filter((pl.col("dividend") > 0) & pl.col("stated_yield").is_not_null())
    yield from _against_the_factor(known, paid)
    yield from _against_the_price(paid)
    yield from _tiny(paid)
    yield _doubled(paid)


def _with_late_steps(known: pl.DataFrame) -> pl.DataFrame:
    """A step, or a fall of the price, that comes one bar after its dividend is put where the dividend is."""
    implied, paid = pl.col("implied"), pl.col("dividend") > 0
    follows = paid.shift(1).over("ticker").fill_null(False) & ~paid
    is_late = paid & (implied.abs() < _NOTICEABLE) & (implied.shift(-1).over("ticker") > _NOTICEABLE)
    moved = pl.when(is_late).then(implied.shift(-1).over("ticker")).when(follows).then(0.0).otherwise(implied)
    fall = pl.max_horizontal("drop", pl.col("drop").shift(-1).over("ticker"))
    return known.with_columns(implied=moved, drop=pl.when(paid).then(fall).otherwise("drop"))


def _against_the_factor(known: pl.DataFrame, paid: pl.DataFrame) -> Iterator[pl.DataFrame]:
    stated, implied = pl.col("stated_yield"), pl.col("implied")
    text = pl.format(
        "stated {} ({}% of the price), the adjusted close contains {}%",
        pl.col("dividend").round(6),
        (100 * stated).round(4),
        (100 * implied).round(4),
    )
    has_factor = implied.is_not_null() & implied.is_finite()
    reinvested = pl.col("dividend") / (pl.col("close") + pl.col("dividend"))
    agrees = _is_near(stated) | _is_near(reinvested)
    differing = paid.filter(has_factor & ~agrees)
    nothing = implied.abs() < _NOTICEABLE / 4
    both = (pl.col("dividend") + pl.col("capital_gain")) / pl.col("dividend") * stated
    has_both = (pl.col("capital_gain") > 0) & ((implied - both).abs() <= _RELATIVE_TOLERANCE * both)
    ratio = pl.max_horizontal(stated / implied, implied / stated)
    is_scaled = ratio.is_between(*_SCALES) & (implied > 0)
    fault = (
        pl.when(is_scaled)
        .then(pl.lit("dividend_wrong_scale"))
        .when(nothing)
        .then(pl.lit("dividend_not_adjusted"))
        .when(has_both)
        .then(pl.lit("capital_gain_double_counted"))
        .otherwise(pl.lit("dividend_misadjusted"))
    )
    marked = differing.with_columns(fault=fault)
    for name in marked["fault"].unique().sort():
        yield findings(marked.filter(pl.col("fault") == name), str(name), text)
    silent = known.filter((pl.col("dividend") == 0) & (pl.col("split") == 1) & (implied > _NOTICEABLE))
    unstated = pl.format(
        "the adjusted close contains {}% of the price, nothing is stated", (100 * implied).round(4)
    )
    yield findings(silent, "dividend_missing", unstated)


def _is_near(stated: pl.Expr) -> pl.Expr:
    implied = pl.col("implied")
    allowed = _RELATIVE_TOLERANCE * pl.max_horizontal(stated, implied) + _NOTICEABLE / 4
    return (implied - stated).abs() <= allowed


def _against_the_price(paid: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Dividends that their own adjusted close believes, but the price does not."""
    stated, drop = pl.col("stated_yield"), pl.col("drop")
    ordered = paid.sort("ticker", "session_date")
    usual = stated.rolling_median_by("session_date", _PAST, min_samples=2, closed="left").over("ticker")
    seen = ordered.with_columns(usual=usual)
    text = pl.format(
        "{}% of the price, which fell by {}%; usual for it is {}%",
        (100 * stated).round(3),
        (100 * drop).round(3),
        (100 * pl.col("usual")).round(3).cast(pl.String).fill_null("unknown"),
    )
    unsupported = (drop < _SUPPORTED_SHARE * stated) & (stated - drop > _SIGMAS * pl.col("volatility"))
    is_large = unsupported & (stated >= _LARGE_YIELD)
    is_absurd = stated >= 1
    ratio = stated / pl.col("usual")
    nearer_small = (drop - stated).abs() > (drop - stated / 100).abs()
    nearer_large = (drop - stated).abs() > (drop - 100 * stated).abs()
    is_unusual = (ratio.is_between(*_SCALES) & nearer_small & unsupported) | (
        (1 / ratio).is_between(*_SCALES) & nearer_large
    )
    yield findings(
        seen.filter(is_absurd | is_large | is_unusual.fill_null(False)), "dividend_wrong_scale", text
    )


def _tiny(paid: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Dividends in a row too small to pay out, while the price falls as for a hundred times as much."""
    stated, drop = pl.col("stated_yield"), pl.col("drop")
    spread = 2 * pl.col("volatility").pow(2)
    favours = ((drop - stated).pow(2) - (drop - 100 * stated).pow(2)) / spread
    tiny = paid.sort("ticker", "session_date").filter(stated < _TINY_YIELD).with_columns(favours=favours)
    summed = tiny.with_columns(
        total=pl.col("favours").rolling_sum_by("session_date", _PAST, closed="both").over("ticker"),
        count=pl.col("dividend").sign().rolling_sum_by("session_date", _PAST, closed="both").over("ticker"),
    )
    text = pl.format(
        "{}% of the price, as several in a row; the price fell by {}%",
        (100 * stated).round(4),
        (100 * drop).round(3),
    )
    is_convincing = (pl.col("count") >= _TINY_IN_A_ROW) & (pl.col("total") > _CONVINCED)
    yield findings(summed.filter(is_convincing), "dividend_wrong_scale", text)


def _doubled(paid: pl.DataFrame) -> pl.DataFrame:
    ordered = paid.sort("ticker", "session_date")
    day = pl.col("session_date")
    gap = (day - day.shift(1)).over("ticker").dt.total_days()
    spaced = ordered.with_columns(gap=pl.when(gap <= _LONGEST_GAP_DAYS).then(gap))
    usual_gap = pl.col("gap").rolling_median_by("session_date", _PAST, min_samples=1, closed="left")
    pairs = spaced.with_columns(
        usual_gap=usual_gap.over("ticker"),
        before=pl.col("dividend").shift(1).over("ticker"),
        drop_before=pl.col("drop").shift(1).over("ticker"),
        day_before=day.shift(1).over("ticker"),
    )
    same = (pl.col("dividend") / pl.col("before") - 1).abs() < 0.01
    near = (pl.col("gap") < _DOUBLE_DAYS) | (
        (pl.col("gap") <= _FAR_DOUBLE_DAYS) & (pl.col("usual_gap") >= _RARE_PAYER_DAYS)
    )
    is_earlier = pl.col("drop_before") < pl.col("drop")
    doubled = pairs.filter(same & near).with_columns(
        visible=day, session_date=pl.when(is_earlier).then("day_before").otherwise(day)
    )
    text = pl.format(
        "{} is stated twice within {} days; this one has the smaller fall", pl.col("dividend").round(6), "gap"
    )
    return findings(doubled, "dividend_doubled", text, "visible")
