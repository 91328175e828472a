import hashlib
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextgen_assets.domain.trading.money import (
    MoneyError,
    content_id,
    divide_half_even,
    money_series,
    series_to_micros,
    to_micros,
    to_micros_array,
    to_usd,
)


@given(st.lists(st.integers(-(10**18), 10**18)))
def test_micros_survive_the_way_through_a_decimal_column(micros: list[int]) -> None:
    column = money_series("amount_usd", [m // 100 for m in micros])
    assert column.dtype == pl.Decimal(20, 6)
    assert column.to_list() == [to_usd(m // 100) for m in micros]
    assert series_to_micros(column).to_list() == [m // 100 for m in micros]


@given(st.floats(0.0, 1e7))
def test_panel_conversion_equals_the_scalar_one(price: float) -> None:
    assert to_micros_array(np.array([price]))[0] == to_micros(price)


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**6))
def test_division_rounds_half_to_even_like_decimal(numerator: int, denominator: int) -> None:
    exact = round(Decimal(numerator) / Decimal(denominator), 0)  # banker's rounding
    assert divide_half_even(numerator, denominator) == int(exact)


@pytest.mark.parametrize("amount", [float("nan"), float("inf")])
def test_an_amount_that_is_not_finite_is_refused(amount: float) -> None:
    with pytest.raises(MoneyError, match="finite"):
        to_micros(amount)


def test_money_columns_of_floats_or_with_nulls_are_refused() -> None:
    with pytest.raises(MoneyError, match="Float64"):
        series_to_micros(pl.Series("x", [1.0]))
    with pytest.raises(MoneyError, match="1 nulls"):
        series_to_micros(pl.Series("x", [None], dtype=pl.Decimal(20, 6)))


def test_identifiers_tell_a_moved_boundary_and_are_stable() -> None:
    assert content_id("plan", "ab", "c") != content_id("plan", "a", "bc")
    canonical = b"plan\x1f1\x1f0.1\x1fNone"
    assert content_id("plan", 1, 0.1, None) == hashlib.blake2b(canonical, digest_size=16).hexdigest()
