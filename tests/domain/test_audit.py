"""The audit: every fault class on series made for it, no alarm on clean ones, and nothing from the future."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from nextgen_assets.domain.audit import CONTEXT_SESSIONS, FAULTS, audit
from nextgen_assets.domain.sessions import xnys

DAYS = xnys().between(date(2005, 1, 3), date(2007, 12, 31))
CASES = Path(__file__).parents[3] / "shared" / "data" / "yahoo_bad_vs_fixed" / "cases.parquet"


def series(n: int = 400, seed: int = 1, **paid: float) -> pl.DataFrame:
    """A calm walk as traded, with dividends by position (``d100=0.5``) in a true adjusted close."""
    draw = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(draw.normal(0, 0.01, n)))
    dividend = np.zeros(n)
    for place, amount in paid.items():
        dividend[int(place[1:])] = amount
        close[int(place[1:]) :] *= 1 - amount / close[int(place[1:]) - 1]
    factor = np.ones(n)
    for place in range(n - 1, 0, -1):
        factor[place - 1] = factor[place] * (1 - dividend[place] / close[place - 1])
    wide = np.abs(draw.normal(0, 0.004, n))
    return pl.DataFrame(
        {
            "ticker": ["AAPL"] * n, "session_date": DAYS[:n], "open": close * (1 + wide / 2),
            "high": close * (1 + wide), "low": close * (1 - wide), "close": close,
            "volume": draw.integers(1, 9, n) * 1000.0, "adjusted_close": close * factor, "dividend": dividend,
            "split_ratio": np.ones(n), "capital_gain": np.zeros(n),
        }
    )  # fmt: skip


def changed(bars: pl.DataFrame, place: int, **values: Any) -> pl.DataFrame:
    at = pl.int_range(pl.len()) == place
    return bars.with_columns(
        pl.when(at).then(pl.lit(value, pl.Float64)).otherwise(name).alias(name)
        for name, value in values.items()
    )


def scaled(bars: pl.DataFrame, at: pl.Expr, factor: float) -> pl.DataFrame:
    names = ["open", "high", "low", "close", "adjusted_close"]
    return bars.with_columns(
        pl.when(at).then(pl.col(name) * factor).otherwise(name).alias(name) for name in names
    )


PAID = {"d60": 0.4, "d120": 0.4, "d180": 0.42, "d240": 0.41, "d300": 0.4}
PLACE = pl.int_range(pl.len())
BROKEN: dict[str, tuple[pl.DataFrame, str, int, int]] = {
    "a dividend without effect": (changed(series(), 200, dividend=0.5), "dividend_not_adjusted", 200, 200),
    "an effect without a dividend": (changed(series(**PAID), 180, dividend=0.0), "dividend_missing", 180, 180),
    "a hundredfold in the list": (changed(series(**PAID), 240, dividend=41.0), "dividend_wrong_scale", 240, 240),
    "half in the list": (changed(series(**PAID), 240, dividend=0.2), "dividend_misadjusted", 240, 240),
    "another unit": (scaled(series(), (PLACE >= 200), 100.0), "unit_switch", 200, 200),
    "one bar ten times out": (scaled(series(), (PLACE == 200), 10.0), "bad_print", 200, 201),
    "a low of a tenth": (changed(series(), 200, low=4.0), "bad_print", 200, 200),
    "a high of a hundred": (changed(series(), 200, high=5000.0), "price_100x", 200, 200),
    "half the price, no split": (scaled(series(), (PLACE >= 200), 0.5), "split_missing", 200, 201),
    "a split, the same price": (changed(series(), 200, split_ratio=2.0), "split_contradicts_prices", 200, 200),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_fault_is_found_on_its_session_once_it_can_be_seen(name: str) -> None:
    bars, fault, place, visible = BROKEN[name]
    assert fault in FAULTS
    found = audit(bars).filter(pl.col("fault") == fault)
    assert found.select("session_date", "visible_from").rows() == [(DAYS[place], DAYS[visible])]
    assert audit(bars.head(visible)).filter(pl.col("fault") == fault).is_empty()
    assert len(found["evidence"][0]) > 10


def test_a_dividend_stated_twice_within_days_is_doubled() -> None:
    found = audit(series(d200=0.5, d202=0.5))
    assert found["fault"].to_list() == ["dividend_doubled"]


def test_a_dividend_that_adjusted_close_and_list_believe_but_the_price_does_not() -> None:
    bars = series()
    factor = pl.when(PLACE < 200).then(0.7).otherwise(1.0)
    bars = changed(bars, 200, dividend=0.3 * bars["close"][199])
    bars = bars.with_columns(adjusted_close=pl.col("close") * factor)
    assert audit(bars)["fault"].to_list() == ["dividend_wrong_scale"]


def test_a_capital_gain_taken_off_twice() -> None:
    bars = changed(series(d200=2.0), 200, capital_gain=1.5)
    before = bars["close"][199]
    twice = (1 - 3.5 / before) / (1 - 2.0 / before)
    bars = bars.with_columns(
        adjusted_close=pl.col("adjusted_close") * pl.when(PLACE < 200).then(twice).otherwise(1.0)
    )
    assert audit(bars)["fault"].to_list() == ["capital_gain_double_counted"]


def test_a_bar_beside_a_split_in_the_units_of_before() -> None:
    bars = changed(scaled(series(), PLACE == 199, 0.1), 200, split_ratio=0.1)
    found = audit(bars, are_split_adjusted=True).filter(pl.col("fault") == "split_badly_applied")
    assert found["session_date"].to_list() == [DAYS[199], DAYS[200]]


def test_bars_as_traded_that_are_adjusted_before_their_split() -> None:
    bars = scaled(series(), PLACE >= 197, 2.0)
    told = audit(changed(bars, 200, split_ratio=0.5)).select("session_date", "fault").rows()
    assert (DAYS[197], "split_badly_applied") in told
    assert (DAYS[200], "split_contradicts_prices") in told


def test_five_repeats_without_volume_are_a_stale_run_told_once() -> None:
    bars = series()
    names = ["open", "high", "low", "close", "adjusted_close"]
    frozen = [
        pl.when(PLACE.is_between(200, 209)).then(pl.col(name).gather(200)).otherwise(name).alias(name)
        for name in names
    ]
    bars = bars.with_columns(
        *frozen, volume=pl.when(PLACE.is_between(201, 209)).then(0.0).otherwise("volume")
    )
    found = audit(bars)
    assert found.select("fault", "session_date", "visible_from").rows() == [
        ("stale_run", DAYS[200], DAYS[205])
    ]


@pytest.mark.parametrize("seed", range(3))
def test_clean_series_with_dividends_raise_no_alarm(seed: int) -> None:
    assert audit(series(seed=seed, **PAID)).is_empty()


@pytest.mark.parametrize("move", [-0.61, 1.02, -0.35, 0.5])
def test_real_extremes_are_no_fault(move: float) -> None:
    bars = scaled(series(), PLACE >= 200, 1 + move)
    assert audit(bars).is_empty()


def test_cutting_off_the_future_takes_away_only_what_it_showed() -> None:
    whole = pl.concat(
        [bars.with_columns(ticker=pl.lit(f"T{n}")) for n, (bars, *_) in enumerate(BROKEN.values())]
    )
    found = audit(whole)
    for cut in (DAYS[150], DAYS[200], DAYS[201], DAYS[250]):
        seen = audit(whole.filter(pl.col("session_date") <= cut))
        assert seen.equals(found.filter(pl.col("visible_from") <= cut)), cut


def test_the_context_is_all_that_a_finding_needs() -> None:
    last = 690
    bars = series(750, **{f"d{place}": 0.4 for place in range(60, 750, 63)})
    bars = changed(bars, last, dividend=40.0)
    late = audit(bars.slice(last - CONTEXT_SESSIONS))
    whole = audit(bars)
    assert whole["session_date"].to_list() == [DAYS[last]]
    assert late.filter(pl.col("visible_from") >= DAYS[last]).equals(whole)


def test_no_bars_give_no_findings() -> None:
    assert audit(series().clear()).is_empty()


@pytest.mark.skipif(not CASES.is_file(), reason=f"the series are not at {CASES}")
def test_real_broken_series_are_found_and_their_repaired_form_and_controls_pass() -> None:
    from tests.benchmarks.bench_quality import table_of_cases

    for row in table_of_cases(CASES):
        assert (row["missed"], row["false alarms"]) == ("", 0), row
        assert row["found"] == row["broken"], row
