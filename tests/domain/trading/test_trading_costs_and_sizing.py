import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextgen_assets.domain.trading.costs import (
    affordable_shares,
    commission_micros,
    round_trip_rate,
    slipped_price_micros,
)
from nextgen_assets.domain.trading.rules import TradingRules, TradingRulesError
from nextgen_assets.domain.trading.sizing import calibrated_edge, kelly_weight, share_changes

RULES = TradingRules()


def test_commission_is_per_share_with_a_minimum() -> None:
    assert commission_micros(0, RULES) == 0
    assert commission_micros(10, RULES) == 1_000_000  # 10 x 0.005 = 0.05 is below the minimum of 1
    assert commission_micros(1_000, RULES) == 5_000_000


def test_slippage_moves_the_price_against_us_and_rounds_against_us() -> None:
    assert slipped_price_micros(20_000_000, "buy", 500) == 20_010_000
    assert slipped_price_micros(20_000_000, "sell", 500) == 19_990_000
    assert slipped_price_micros(1_001, "buy", 500) == 1_002  # 0.5005 of a micro-dollar becomes 1
    assert slipped_price_micros(1_001, "sell", 500) == 1_000


@given(st.integers(0, 10**12), st.integers(1, 10**10))
def test_affordable_shares_fit_and_one_more_does_not(cash: int, price: int) -> None:
    shares = affordable_shares(cash, price, RULES)
    assert shares * price + commission_micros(shares, RULES) <= cash
    assert (shares + 1) * price + commission_micros(shares + 1, RULES) > cash


def test_round_trip_of_a_small_trade_is_dominated_by_the_minimum_commission() -> None:
    rate = round_trip_rate(np.array([50.0, 50.0]), np.array([100.0, 100_000.0]), RULES)
    assert rate.tolist() == pytest.approx([2 * (0.0005 + 0.01), 2 * (0.0005 + 0.0001)])


def test_edge_is_the_smaller_of_probability_and_mean() -> None:
    edge = calibrated_edge(np.array([0.6, 0.6, 0.4]), np.array([0.001, 0.5, 0.01]), np.full(3, 0.04))
    implied = 0.2 * 0.04 * math.sqrt(2 / math.pi)
    assert edge.tolist() == pytest.approx([0.001, implied, -implied])


def test_kelly_weight_by_hand() -> None:
    # (0.004 + 0.0008 - 0.0016) / 0.0016 = 2
    weight = kelly_weight(np.array([0.004, -0.01]), np.array([0.0016, 0.0016]), np.array([0.04, 0.04]))
    assert weight.tolist() == pytest.approx([2.0, 0.0])


def test_share_changes_round_towards_no_trade_and_close_exactly() -> None:
    changes = share_changes(
        target_weight=np.array([0.2, 0.0, 0.1, 0.05]),
        current_weight=np.array([0.0, 0.301, 0.1, 0.1]),
        quantity_held=np.array([0, 301, 7, 333]),
        price_usd=np.array([30.0, 100.0, 3.0, 30.0]),
        net_asset_value_usd=100_000.0,
    )
    assert changes.tolist() == [666, -301, 0, -166]


@pytest.mark.parametrize(
    ("field", "value"),
    [("max_weight", 1.5), ("kelly_fraction", float("nan")), ("principles", ("evidence", "evidence"))],
)
def test_a_rule_outside_its_bounds_is_refused(field: str, value: object) -> None:
    with pytest.raises(TradingRulesError, match=field):
        TradingRules(**{field: value})  # type: ignore[arg-type]


def test_a_brake_that_vetoes_before_it_scales_is_refused() -> None:
    with pytest.raises(TradingRulesError, match="must be below"):
        TradingRules(drawdown_scale_from=0.3, drawdown_veto_from=0.2)
