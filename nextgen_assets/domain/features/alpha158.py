"""Qlib's Alpha158: the bar of the day, and 29 statistics of the last 5, 10, 20, 30 and 60 sessions.

Prices are in the units of today: earlier ones are carried over splits and dividends, earlier volumes over
splits. The bars have no volume-weighted price, so ``alpha_vwap0`` takes the typical price
(high + low + close) / 3 in its place. A window that is not whole gives null, where Qlib takes what there is;
a series without movement correlates 0 with anything, where Qlib has no value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from nextgen_assets.domain.features import Feature
from nextgen_assets.domain.features._blocks import Kernel, KernelBlock

_REFERENCE = "Yang et al. (2020), Qlib, arXiv:2009.11189; class Alpha158 of qlib/contrib/data/handler.py."
_WINDOWS = (5, 10, 20, 30, 60)
_BARS = ("open", "high", "low", "close")
_TODAY = {
    "kmid": "(close - open) / open",
    "klen": "(high - low) / open",
    "kmid2": "(close - open) / (high - low)",
    "kup": "(high - max(open, close)) / open",
    "kup2": "(high - max(open, close)) / (high - low)",
    "klow": "(min(open, close) - low) / open",
    "klow2": "(min(open, close) - low) / (high - low)",
    "ksft": "(2 close - high - low) / open",
    "ksft2": "(2 close - high - low) / (high - low)",
    "open0": "open / close",
    "high0": "high / close",
    "low0": "low / close",
    "vwap0": "(high + low + close) / 3 / close, the typical price in place of the volume-weighted one",
}
_PRICE = {
    "roc": "close d sessions ago / close",
    "ma": "mean(close) / close",
    "std": "sample standard deviation(close) / close",
    "beta": "slope of close on time, per session / close",
    "rsqr": "share of the variance of close that its line on time explains; 0 without movement",
    "resi": "close minus its line on time, today / close",
    "max": "max(high) / close",
    "min": "min(low) / close",
    "qtlu": "quantile 0.8(close), between neighbours in proportion / close",
    "qtld": "quantile 0.2(close), between neighbours in proportion / close",
    "rank": "rank of today's close among the closes, ties averaged / d",
    "rsv": "(close - min(low)) / (max(high) - min(low))",
    "imax": "position of the first highest high, 1 to d from the oldest session / d",
    "imin": "position of the first lowest low, 1 to d from the oldest session / d",
    "imxd": "(position of the highest high - position of the lowest low) / d",
    "cntp": "share of sessions that closed above the close before",
    "cntn": "share of sessions that closed below the close before",
    "cntd": "share of rises minus share of falls",
    "sump": "sum of rises / sum of absolute changes of close",
    "sumn": "sum of falls / sum of absolute changes of close",
    "sumd": "(sum of rises - sum of falls) / sum of absolute changes of close",
}
_VOLUME = {
    "corr": "correlation(close, log(volume + 1)); 0 without movement",
    "cord": "correlation(close / close before, log(volume / volume before + 1)); 0 without movement; null where "
    "a volume before is 0",
    "vma": "mean(volume) / volume; null without volume today",
    "vstd": "sample standard deviation(volume) / volume; null without volume today",
    "wvma": "standard deviation / mean of abs(close / close before - 1) * volume",
    "vsump": "sum of rises / sum of absolute changes of volume",
    "vsumn": "sum of falls / sum of absolute changes of volume",
    "vsumd": "(sum of rises - sum of falls) / sum of absolute changes of volume",
}
_FROM_BEFORE = {
    "roc",
    "cord",
    "cntp",
    "cntn",
    "cntd",
    "sump",
    "sumn",
    "sumd",
    "wvma",
    "vsump",
    "vsumn",
    "vsumd",
}
_EXTREMES = {"max": ("high",), "min": ("low",), "rsv": ("high", "low"), "imax": ("high",), "imin": ("low",),
             "imxd": ("high", "low")}  # fmt: skip


def _price_kernel() -> tuple[Callable[..., None], int]:
    from nextgen_assets.domain.features import _price_kernel as kernel

    return kernel.price_rows, int(kernel.LANES)


def _volume_kernel() -> tuple[Callable[..., None], int]:
    from nextgen_assets.domain.features import _volume_kernel as kernel

    return kernel.volume_rows, int(kernel.LANES)


def _windowed(stems: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"alpha_{stem}{window}" for stem in stems for window in _WINDOWS)


_BLOCK = KernelBlock(
    (
        Kernel((*(f"alpha_{stem}" for stem in _TODAY), *_windowed(_PRICE)), ("price_factor",), _price_kernel),
        Kernel(_windowed(_VOLUME), ("price_factor", "split_ratio"), _volume_kernel),
    )
)


def _feature(name: str, inputs: tuple[str, ...], lookback_sessions: int, formula: str) -> Feature:
    return Feature(
        name=name,
        inputs=inputs,
        lookback_sessions=lookback_sessions,
        null_policy="null_if_any_missing",
        description=f"{formula}.",
        reference=_REFERENCE,
        compute=_BLOCK.alone(name),
        family="alpha158",
        block=_BLOCK,
    )


def _of_windows(stem: str, formula: str) -> Iterator[Feature]:
    if stem in _PRICE:
        inputs = ("close", *_EXTREMES.get(stem, ()), "price_factor")
    else:
        inputs = ("close", "volume", "price_factor", "split_ratio")
    for window in _WINDOWS:
        before = window if stem in _FROM_BEFORE else window - 1
        yield _feature(f"alpha_{stem}{window}", inputs, before, f"Over d = {window} sessions: {formula}")


FEATURES = (
    *(_feature(f"alpha_{stem}", _BARS, 0, f"Today: {formula}") for stem, formula in _TODAY.items()),
    *(one for stem, formula in (_PRICE | _VOLUME).items() for one in _of_windows(stem, formula)),
)
