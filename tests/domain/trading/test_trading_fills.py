import math

import pytest

from nextgen_assets.domain.trading.fills import Order, fill_order
from nextgen_assets.domain.trading.rules import TradingRules
from tests.domain.trading.trading_builders import FIRST

RULES = TradingRules(max_volume_fraction=0.1)
USD = 1_000_000


def _fill(side: str, quantity: int, open_usd=20.0, volume=1e9, cash=100_000 * USD, held=0):
    return fill_order(Order("plan", FIRST, "AAA", side, quantity), open_usd, volume, cash, held, RULES)


def test_a_buy_pays_slippage_and_commission() -> None:
    fill = _fill("buy", 400)
    assert (fill.status, fill.reason, fill.quantity) == ("filled", None, 400)
    assert fill.price_micros == 20_010_000  # 20 + 5 bps
    assert fill.gross_micros == 8_004 * USD
    assert fill.slippage_micros == 4 * USD
    assert fill.commission_micros == 2 * USD


def test_a_sale_receives_less_than_the_open() -> None:
    fill = _fill("sell", 100, held=100)
    assert (fill.status, fill.price_micros, fill.gross_micros) == ("filled", 19_990_000, 1_999 * USD)


@pytest.mark.parametrize(
    ("arguments", "status", "reason", "quantity"),
    [
        ({"side": "buy", "quantity": 5, "open_usd": math.nan}, "rejected", "no_bar", 0),
        ({"side": "buy", "quantity": 5, "volume": 0.0}, "rejected", "volume", 0),
        ({"side": "buy", "quantity": 500, "volume": 1_000.0}, "partial", "volume", 100),
        ({"side": "buy", "quantity": 500, "volume": math.nan}, "filled", None, 500),
        ({"side": "buy", "quantity": 500, "cash": 2_002 * USD}, "partial", "cash", 100),
        ({"side": "buy", "quantity": 500, "cash": 20 * USD}, "rejected", "cash", 0),
        ({"side": "sell", "quantity": 9, "held": 4}, "partial", "shares", 4),
        ({"side": "sell", "quantity": 9, "held": 0}, "rejected", "shares", 0),
        ({"side": "sell", "quantity": 0, "held": 3}, "rejected", "split_rounding", 0),
        ({"side": "sell", "quantity": 1, "held": 1, "open_usd": 0.5, "cash": 0}, "rejected", "cash", 0),
    ],
)
def test_orders_that_cannot_be_done_wholly(arguments: dict, status: str, reason: str, quantity: int) -> None:
    fill = _fill(**arguments)
    assert (fill.status, fill.reason, fill.quantity) == (status, reason, quantity)
    assert (fill.gross_micros == 0) == (quantity == 0)


def test_a_buy_cut_by_cash_costs_no_more_than_the_cash() -> None:
    fill = _fill("buy", 10_000, cash=1_000 * USD)
    assert fill.quantity == 49  # 49 x 20.01 + 1.00 = 981.49; 50 shares would need 1001.50
    assert fill.gross_micros + fill.commission_micros == 981_490_000
