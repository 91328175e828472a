"""The classic indicators again, by TA-Lib itself, given the sessions of the window and no others.

Without TA-Lib (the extra ``dev`` brings it) the table is empty and the suite says that it skips them.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.contracts.alpha158_oracles import Oracle, in_units_of_today
from tests.contracts.feature_oracles import Day

Bars = dict[str, "np.ndarray[Any, np.dtype[np.float64]]"]
HAS_TALIB = importlib.util.find_spec("talib") is not None


def bars_of(days: list[Day], count: int) -> Bars | None:
    """High, low, close, in dollars of today, and volume, in shares of today, of the last sessions."""
    window = in_units_of_today(days, count)
    if window is None or days[-1].bar is None:
        return None
    today = days[-1].bar
    return {
        "open": np.full(count, today.open),
        "high": np.array(window.high) * today.close,
        "low": np.array(window.low) * today.close,
        "close": np.array(window.close) * today.close,
        "volume": np.array(window.volume, dtype=np.float64),
    }


def over_close(name: str, **options: float) -> Callable[[Bars], float]:
    return lambda bars: last(name, bars, **options) / bars["close"][-1]


def from_close(name: str, **options: float) -> Callable[[Bars], float]:
    return lambda bars: last(name, bars, **options) / bars["close"][-1] - 1


def plain(name: str, number: int = 0, **options: float) -> Callable[[Bars], float]:
    return lambda bars: last(name, bars, number, **options)


def last(name: str, bars: Bars, number: int = 0, **options: float) -> float:
    """The last value of one output of an indicator."""
    from talib import abstract

    found = abstract.Function(name)(bars, **options)
    return float((found[number] if isinstance(found, list | tuple) else found)[-1])


def band_position(bars: Bars) -> float:
    upper, lower = (last("BBANDS", bars, number, timeperiod=20) for number in (0, 2))
    close = bars["close"][-1]
    return (close - lower) / (upper - lower) if upper - lower > 1e-9 * close else 0.5


def band_width(bars: Bars) -> float:
    upper, middle, lower = (last("BBANDS", bars, number, timeperiod=20) for number in range(3))
    return (upper - lower) / middle


def volume_balance(bars: Bars) -> float:
    from talib import abstract

    line = abstract.Function("OBV")(bars)
    return float(line[-1] - line[0]) / float(bars["volume"][1:].sum())


def macd(number: int) -> Callable[[Bars], float]:
    return lambda bars: last("MACD", bars, number) / bars["close"][-1]


def over_volume(name: str, share: float) -> Callable[[Bars], float]:
    return lambda bars: last(name, bars) / (float(bars["volume"].sum()) * share)


FORMULAS: dict[str, tuple[int, Callable[[Bars], float]]] = {
    "ta_sma_20": (20, from_close("SMA", timeperiod=20)),
    "ta_wma_20": (20, from_close("WMA", timeperiod=20)),
    "ta_trima_20": (20, from_close("TRIMA", timeperiod=20)),
    "ta_bb_position_20": (20, band_position),
    "ta_bb_width_20": (20, band_width),
    "ta_stddev_20": (20, over_close("STDDEV", timeperiod=20)),
    "ta_midpoint_14": (14, from_close("MIDPOINT", timeperiod=14)),
    "ta_midprice_14": (14, from_close("MIDPRICE", timeperiod=14)),
    "ta_linearreg_slope_14": (14, over_close("LINEARREG_SLOPE", timeperiod=14)),
    "ta_tsf_14": (14, from_close("TSF", timeperiod=14)),
    "ta_aroon_down_14": (15, plain("AROON", 0, timeperiod=14)),
    "ta_aroon_up_14": (15, plain("AROON", 1, timeperiod=14)),
    "ta_aroonosc_14": (15, plain("AROONOSC", timeperiod=14)),
    "ta_roc_10": (11, plain("ROC", timeperiod=10)),
    "ta_stoch_k": (7, plain("STOCHF", 1, fastk_period=5, fastd_period=3, fastd_matype=0)),
    "ta_stoch_d": (9, plain("STOCH", 1)),
    "ta_willr_14": (14, plain("WILLR", timeperiod=14)),
    "ta_cci_20": (20, plain("CCI", timeperiod=20)),
    "ta_ultosc": (29, plain("ULTOSC")),
    "ta_ppo_12_26": (26, plain("PPO", fastperiod=12, slowperiod=26, matype=0)),
    "ta_apo_12_26": (26, over_close("APO", fastperiod=12, slowperiod=26, matype=0)),
    "ta_bop": (1, plain("BOP")),
    "ta_mfi_14": (15, plain("MFI", timeperiod=14)),
    "ta_trange": (2, over_close("TRANGE")),
    "ta_obv_20": (21, volume_balance),
    "ta_ad_20": (20, over_volume("AD", 1.0)),
    "ta_ema_12": (100, from_close("EMA", timeperiod=12)),
    "ta_ema_26": (100, from_close("EMA", timeperiod=26)),
    "ta_dema_20": (100, from_close("DEMA", timeperiod=20)),
    "ta_tema_20": (100, from_close("TEMA", timeperiod=20)),
    "ta_trix_15": (100, plain("TRIX", timeperiod=15)),
    "ta_macd": (100, macd(0)),
    "ta_macd_signal": (100, macd(1)),
    "ta_macd_hist": (100, macd(2)),
    "ta_rsi_14": (100, plain("RSI", timeperiod=14)),
    "ta_cmo_14": (100, plain("CMO", timeperiod=14)),
    "ta_adx_14": (100, plain("ADX", timeperiod=14)),
    "ta_plus_di_14": (100, plain("PLUS_DI", timeperiod=14)),
    "ta_minus_di_14": (100, plain("MINUS_DI", timeperiod=14)),
    "ta_dx_14": (100, plain("DX", timeperiod=14)),
    "ta_natr_14": (100, plain("NATR", timeperiod=14)),
    "ta_adosc_3_10": (100, over_volume("ADOSC", 0.01)),
}


def of_window(count: int, formula: Callable[[Bars], float]) -> Oracle:
    def oracle(days: list[Day]) -> float | None:
        bars = bars_of(days, count)
        return None if bars is None else formula(bars)

    return oracle


CLASSIC: dict[str, Oracle] = {name: of_window(*formula) for name, formula in FORMULAS.items()}
