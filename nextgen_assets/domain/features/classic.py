"""Classic indicators of technical analysis, as TA-Lib defines them, free of the scale of the price.

Prices and volumes stand in the units of today. Indicators that are prices are given as a distance from today's
close; those without end in their memory begin 100 sessions back (see ``_recursive_kernel``).
"""

from __future__ import annotations

from collections.abc import Callable

from nextgen_assets.domain.features import Feature
from nextgen_assets.domain.features._blocks import Kernel, KernelBlock

_CLOSE, _RANGE, _BAR = ("close",), ("high", "low", "close"), ("open", "high", "low", "close")
_TRADED = ("high", "low", "close", "volume")
_ADJUSTMENTS = ("price_factor", "split_ratio")
_WINDOW = 100

_Rows = dict[str, tuple[tuple[str, ...], int, str, str]]
"""Inputs, sessions of the window, what it says, its author and the function of TA-Lib."""
_FINITE: _Rows = {
    "ta_sma_20": (_CLOSE, 20, "Mean close of 20 sessions over the close, minus 1.", "SMA"),
    "ta_wma_20": (_CLOSE, 20, "Mean close of 20, weights 1 to 20, over the close, minus 1.", "WMA"),
    "ta_trima_20": (_CLOSE, 20, "Mean close of 20, triangular weights, over the close, minus 1.", "TRIMA"),
    "ta_bb_position_20": (_CLOSE, 20, "Close between bands of 20 sessions, 0 to 1 inside; 0.5 without movement.",
        "Bollinger (2001); BBANDS"),
    "ta_bb_width_20": (_CLOSE, 20, "Distance of the bands over their middle.", "Bollinger (2001); BBANDS"),
    "ta_stddev_20": (_CLOSE, 20, "Population standard deviation of 20 closes over the close.", "STDDEV"),
    "ta_midpoint_14": (_CLOSE, 14, "Middle of the highest and lowest of 14 closes over the close, minus 1.",
        "MIDPOINT"),
    "ta_midprice_14": (_RANGE, 14, "Middle of the highest high and lowest low of 14 over the close, minus 1.",
        "MIDPRICE"),
    "ta_linearreg_slope_14": (_CLOSE, 14, "Slope of the line through 14 closes, per session, over the close.",
        "LINEARREG_SLOPE"),
    "ta_tsf_14": (_CLOSE, 14, "That line one session ahead over the close, minus 1.", "TSF"),
    "ta_aroon_up_14": (("high", "close"), 15, "How new the highest high of 15 sessions is, 100 today, 0 oldest.",
        "Chande (1995); AROON"),
    "ta_aroon_down_14": (("low", "close"), 15, "How new the lowest low of 15 sessions is, 100 today, 0 oldest.",
        "Chande (1995); AROON"),
    "ta_aroonosc_14": (_RANGE, 15, "Aroon up minus Aroon down.", "Chande (1995); AROONOSC"),
    "ta_roc_10": (_CLOSE, 11, "Change of the close over 10 sessions, percent.", "ROC"),
    "ta_stoch_k": (_RANGE, 7, "Slow %K: close in the range of 5 sessions, percent, mean of 3.", "Lane (1984); STOCH"),
    "ta_stoch_d": (_RANGE, 9, "Slow %D: mean of 3 slow %K.", "Lane (1984); STOCH"),
    "ta_willr_14": (_RANGE, 14, "Close below the top of the range of 14, 0 to -100; 0 without range.",
        "Williams (1979); WILLR"),
    "ta_cci_20": (_RANGE, 20, "Typical price from its mean of 20, in 0.015 mean deviations.", "Lambert (1980); CCI"),
    "ta_ultosc": (_RANGE, 29, "Buying pressure over true range of 7, 14, 28, weights 4, 2, 1, percent.",
        "Williams (1985); ULTOSC"),
    "ta_ppo_12_26": (_CLOSE, 26, "Mean of 12 closes over mean of 26, minus 1, percent.", "PPO"),
    "ta_apo_12_26": (_CLOSE, 26, "Mean of 12 closes minus mean of 26, over the close.", "APO"),
    "ta_bop": (_BAR, 1, "Close minus open over the range of the day; 0 without range.", "Livshin (2001); BOP"),
    "ta_mfi_14": (_TRADED, 15, "Money flow on rises of the typical price, percent of all, 14 sessions.",
        "Quong and Soudack (1989); MFI"),
    "ta_trange": (_RANGE, 2, "True range of today over the close.", "Wilder (1978); TRANGE"),
    "ta_obv_20": (("close", "volume"), 21, "Change of on-balance volume over 20 sessions over their volume.",
        "Granville (1963); OBV"),
    "ta_ad_20": (_TRADED, 20, "Chaikin's accumulation of 20 sessions over their volume.", "AD"),
}  # fmt: skip
_ENDLESS: _Rows = {
    "ta_ema_12": (_CLOSE, _WINDOW, "Exponential mean of 12 closes over the close, minus 1.", "EMA"),
    "ta_ema_26": (_CLOSE, _WINDOW, "Exponential mean of 26 closes over the close, minus 1.", "EMA"),
    "ta_dema_20": (_CLOSE, _WINDOW, "Double exponential mean of 20 over the close, minus 1.", "Mulloy (1994); DEMA"),
    "ta_tema_20": (_CLOSE, _WINDOW, "Triple exponential mean of 20 over the close, minus 1.", "Mulloy (1994); TEMA"),
    "ta_trix_15": (_CLOSE, _WINDOW, "Change of the thrice smoothed close of 15, percent.", "Hutson (1983); TRIX"),
    "ta_macd": (_CLOSE, _WINDOW, "Exponential mean of 12 minus that of 26, over the close.", "Appel (2005); MACD"),
    "ta_macd_signal": (_CLOSE, _WINDOW, "Exponential mean of 9 of the convergence, over the close.",
        "Appel (2005); MACD"),
    "ta_macd_hist": (_CLOSE, _WINDOW, "Convergence minus its signal, over the close.", "Appel (2005); MACD"),
    "ta_rsi_14": (_CLOSE, _WINDOW, "Smoothed gains, percent of gains and losses of 14; 0 without movement.",
        "Wilder (1978); RSI"),
    "ta_cmo_14": (_CLOSE, _WINDOW, "Smoothed gains minus losses, percent of both, of 14; 0 without movement.",
        "Chande and Kroll (1994); CMO"),
    "ta_adx_14": (_RANGE, _WINDOW, "Smoothed directional index of 14 sessions.", "Wilder (1978); ADX"),
    "ta_plus_di_14": (_RANGE, _WINDOW, "Upward movement, percent of the true range, 14 sessions.",
        "Wilder (1978); PLUS_DI"),
    "ta_minus_di_14": (_RANGE, _WINDOW, "Downward movement, percent of the true range, 14 sessions.",
        "Wilder (1978); MINUS_DI"),
    "ta_dx_14": (_RANGE, _WINDOW, "Difference of the directional indicators, percent of their sum.",
        "Wilder (1978); DX"),
    "ta_natr_14": (_RANGE, _WINDOW, "Smoothed true range of 14 sessions, percent of the close.",
        "Wilder (1978); NATR"),
    "ta_adosc_3_10": (_TRADED, _WINDOW, "Chaikin's oscillator over the mean volume of 100 sessions.", "ADOSC"),
}  # fmt: skip


def _finite_kernel() -> tuple[Callable[..., None], int]:
    from nextgen_assets.domain.features import _indicator_kernel as kernel

    return kernel.indicator_rows, int(kernel.LANES)


def _endless_kernel() -> tuple[Callable[..., None], int]:
    from nextgen_assets.domain.features import _recursive_kernel as kernel

    return kernel.recursive_rows, int(kernel.LANES)


_BLOCK = KernelBlock(
    (
        Kernel(tuple(_FINITE), _ADJUSTMENTS, _finite_kernel),
        Kernel(tuple(_ENDLESS), _ADJUSTMENTS, _endless_kernel),
    )
)

FEATURES = tuple(
    Feature(
        name=name,
        inputs=(*inputs, *(_ADJUSTMENTS if sessions > 1 else ())),
        lookback_sessions=sessions - 1,
        null_policy="null_if_any_missing",
        description=description,
        reference=f"{source} of TA-Lib, ta-lib.org.",
        compute=_BLOCK.alone(name),
        version=2,
        family="classic",
        block=_BLOCK,
    )
    for name, (inputs, sessions, description, source) in (_FINITE | _ENDLESS).items()
)
