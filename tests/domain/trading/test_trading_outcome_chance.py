"""The chance of an outcome under what had been predicted."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from nextgen_assets.domain.trading.outcome_chance import held_outcome, predicted_quantile
from tests.domain.trading.trading_builders import market_of


def test_bounds_are_the_quantiles_that_they_were_issued_as() -> None:
    said = (0.01, -0.04, 0.09, 0.9)
    assert predicted_quantile(-0.04, *said) == pytest.approx(0.05)
    assert predicted_quantile(0.09, *said) == pytest.approx(0.95)
    assert predicted_quantile(0.01, *said) == 0.5


def test_half_of_a_horizon_is_expected_to_move_half_as_far_and_scatter_by_the_root() -> None:
    found = predicted_quantile(0.005 - 0.05 * math.sqrt(0.5), 0.01, -0.04, 0.06, 0.9, 0.5)
    assert found == pytest.approx(0.05)


@given(
    st.floats(-0.5, 0.5), st.floats(-0.1, 0.1), st.floats(0.0, 0.3), st.floats(0.0, 0.3), st.floats(0.05, 1.0)
)
def test_quantile_rises_with_the_return(
    value: float, expected: float, below: float, above: float, share: float
) -> None:
    said = (expected, expected - below, expected + above, 0.9, share)
    low, high = predicted_quantile(value, *said), predicted_quantile(value + 0.01, *said)
    assert 0.0 <= low <= high <= 1.0


@pytest.mark.parametrize("held", [5, 2])
def test_quantiles_of_returns_that_come_as_predicted_are_uniform(held: int) -> None:
    """Walks of the predicted drift and deviation, watched for the whole horizon or a part of it."""
    rng, horizon, drift, deviation = np.random.default_rng(4), 5, 0.002, 0.02
    came = rng.normal(drift, deviation, (4_000, held)).sum(axis=1)
    reach = 1.6448536269514722 * deviation * math.sqrt(horizon)
    expected = drift * horizon
    said = (expected, expected - reach, expected + reach, 0.9, held / horizon)
    assert kstest([predicted_quantile(value, *said) for value in came.tolist()], "uniform").pvalue > 0.01


def test_outcome_spans_closes_to_the_target_with_dividend_and_split() -> None:
    market = market_of(
        [10.0, 10.0, 6.0, 7.0, 9.0],
        [10.0, 12.0, 6.0, 7.0, 9.0],
        splits={(2, 0): 2.0},
        dividends={(2, 0): 0.6},
    )
    came = held_outcome(market, "AAA", (0, 3, 4), (0.0, -0.1, 0.1, 0.9), 3)
    assert came.log_return == pytest.approx(math.log(12 / 10) + math.log(12.6 / 12) + math.log(7 / 6))
    assert (came.sessions, came.horizon_sessions) == (3, 3)
    assert came.chance == pytest.approx(1.0 - came.quantile)
    assert "as high by the prediction" in came.words


def test_outcome_of_a_position_closed_early_ends_at_the_close_before() -> None:
    market = market_of([10.0, 10.0, 9.0, 20.0], [10.0, 10.0, 9.0, 20.0])
    came = held_outcome(market, "AAA", (0, 3, 3), (0.0, -0.2, 0.2, 0.9), 5)
    assert came.log_return == pytest.approx(math.log(0.9))
    assert came.sessions == 2
    assert came.quantile == predicted_quantile(came.log_return, 0.0, -0.2, 0.2, 0.9, 0.4)
