"""Everything a person may tune about trading, with its bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from nextgen_assets.domain.trading.money import to_micros
from nextgen_assets.domain.trading.quantities import MICRO_SHARES

DEFAULT_PRINCIPLES: Final = (
    "evidence",
    "conviction",
    "humility",
    "diversify",
    "liquidity",
    "preserve_capital",
    "cut_losses",
    "patience",
    "budget",
)

ORDER_KINDS: Final = ("market", "limit")
FILL_PRICES: Final = ("open", "typical")
SPREAD_MODELS: Final = ("fixed", "high_low", "volatility")
SHARES: Final = ("whole", "fractional")

# field -> (lowest, highest) allowed value, both included
_BOUNDS: Final[dict[str, tuple[float, float]]] = {
    "initial_cash_usd": (1.0, 1e12),
    "kelly_fraction": (0.0, 1.0),
    "max_weight": (0.0, 1.0),
    "max_gross_exposure": (0.0, 1.0),
    "cash_reserve_weight": (0.0, 1.0),
    "max_sector_weight": (0.0, 1.0),
    "max_correlated_weight": (0.0, 1.0),
    "correlation_limit": (0.0, 1.0),
    "liquidity_share": (0.0, 1.0),
    "stop_loss": (0.01, 1.0),
    "run_from": (0.0, 10.0),
    "give_back": (0.0, 1.0),
    "priority_floor": (0.0, 1.0),
    "slippage_bps": (0.0, 1_000.0),
    "spread_volatility_share": (0.0, 1.0),
    "commission_per_share_usd": (0.0, 100.0),
    "commission_minimum_usd": (0.0, 1_000.0),
    "limit_bps": (0.0, 5_000.0),
    "borrow_rate": (0.0, 1.0),
    "initial_margin": (0.05, 1.0),
    "maintenance_margin": (0.01, 1.0),
    "max_volume_fraction": (1e-6, 1.0),
    "min_hold_sessions": (0, 10_000),
    "thesis_sessions": (1, 10_000),
    "min_weight_change": (0.0, 1.0),
    "gain_to_cost_multiple": (0.0, 100.0),
    "drawdown_scale_from": (0.0, 1.0),
    "drawdown_veto_from": (0.0, 1.0),
    "drawdown_window_sessions": (1, 100_000),
    "worst_brier_skill": (-10.0, 0.0),
    "doubtful_scale": (0.0, 1.0),
    "min_return_to_width": (0.0, 1.0),
    "full_return_to_width": (0.0, 1.0),
}


class TradingRulesError(ValueError):
    """A trading rule is outside its bounds or contradicts another one."""


@dataclass(frozen=True)
class TradingRules:
    """Limits, costs and thresholds of the trading simulation.

    Parameters
    ----------
    initial_cash_usd : float
        Deposit at the first session of a ledger, US dollars.
    principles : tuple of str
        Names of the principles that judge a plan; each applies at its own stage.
    kelly_fraction : float
        Share of the full Kelly weight that conviction asks for.
    max_weight, max_gross_exposure : float
        Caps on one position and on their sum, fractions of the net asset value.
    cash_reserve_weight : float
        Part of the net asset value that increases leave in cash, for price gaps and costs.
    max_sector_weight : float
        Cap on the sum of the positions of one sector; 1 for none.
    max_correlated_weight, correlation_limit : float
        Cap on the sum of positions that move together, and the correlation of returns from which they do.
    liquidity_share : float
        Largest increase of a position, as a share of its median dollar volume a session.
    stop_loss : float
        Loss on the average cost, a fraction, from which a position is closed.
    run_from, give_back : float
        Gain on the average cost from which a position is let run, and the fall from its high that ends it.
    priority_floor : float
        Conviction multiplier of a ticker with strategic priority score 0 (1 at score 1).
    slippage_bps : float
        Distance of the fill from the quoted price, against us, basis points (two decimals are kept).
    spread_model, spread_volatility_share : str, float
        'fixed': that distance; 'high_low': half of the spread estimated from highs and lows; 'volatility': a
        share of the daily volatility. Of both estimates the distance above is the least.
    commission_per_share_usd, commission_minimum_usd : float
        Commission per share and the least per filled order, US dollars.
    order_kind, limit_bps : str, float
        'market', or 'limit': a buy no dearer than the reference price less so many basis points, a sale no
        cheaper than it plus as many; it lives for one session.
    fill_price : str
        Price of a market order before slippage: 'open', or 'typical', the mean of high, low and close, for an
        order worked over the session.
    shares : str
        'whole', or 'fractional': quantities in millionths of a share.
    shorting : bool
        Whether shares may be sold short, from a margin account; otherwise cash is never negative.
    borrow_rate : float
        What borrowed shares (and cash owed) cost a year, a fraction of their value.
    initial_margin, maintenance_margin : float
        Cash beyond the value of the shares sold short, a fraction of it: to add to a position, and at each close.
    max_volume_fraction : float
        Largest share of a session's volume one order may take.
    min_hold_sessions : int
        Sessions a position is held at least, unless it is ordered out.
    thesis_sessions : int
        Sessions for which a prediction justifies a position; the prediction horizon.
    min_weight_change : float
        Weight changes smaller than this are ignored, except closing a position.
    gain_to_cost_multiple : float
        Expected gain of an increase must exceed its round-trip cost by this factor.
    drawdown_scale_from, drawdown_veto_from : float
        Drawdown at which exposure starts to shrink, and at which everything is closed.
    drawdown_window_sessions : int
        Sessions over which the brake looks for the peak; it lets trading resume after a year in cash.
    worst_brier_skill : float
        Veto below this Brier skill (1 - brier / base-rate brier).
    doubtful_scale : float
        Multiplier while skill is unproven or slightly negative.
    min_return_to_width, full_return_to_width : float
        Expected return over width of the bounds: veto below the first, full weight from the second.

    Raises
    ------
    TradingRulesError
        If a value leaves its bounds or two values contradict each other; correct the settings.
    """

    initial_cash_usd: float = 100_000.0
    principles: tuple[str, ...] = DEFAULT_PRINCIPLES
    kelly_fraction: float = 0.25
    max_weight: float = 0.30
    max_gross_exposure: float = 1.0
    cash_reserve_weight: float = 0.01
    max_sector_weight: float = 1.0
    max_correlated_weight: float = 0.60
    correlation_limit: float = 0.80
    liquidity_share: float = 0.01
    stop_loss: float = 0.20
    run_from: float = 0.05
    give_back: float = 0.02
    priority_floor: float = 0.5
    slippage_bps: float = 5.0
    spread_model: str = "fixed"
    spread_volatility_share: float = 0.05
    commission_per_share_usd: float = 0.005
    commission_minimum_usd: float = 1.0
    order_kind: str = "market"
    limit_bps: float = 0.0
    fill_price: str = "open"
    shares: str = "whole"
    shorting: bool = False
    borrow_rate: float = 0.01
    initial_margin: float = 0.50
    maintenance_margin: float = 0.30
    max_volume_fraction: float = 0.05
    min_hold_sessions: int = 5
    thesis_sessions: int = 5
    min_weight_change: float = 0.02
    gain_to_cost_multiple: float = 1.0
    drawdown_scale_from: float = 0.15
    drawdown_veto_from: float = 0.30
    drawdown_window_sessions: int = 252
    worst_brier_skill: float = -0.05
    doubtful_scale: float = 0.5
    min_return_to_width: float = 0.02
    full_return_to_width: float = 0.10

    def __post_init__(self) -> None:
        for field, (lowest, highest) in _BOUNDS.items():
            value = getattr(self, field)
            if not lowest <= value <= highest:
                raise TradingRulesError(
                    f"trading rule {field} is {value}; expected {lowest} to {highest}; correct the settings"
                )
        for low, high in (
            ("drawdown_scale_from", "drawdown_veto_from"),
            ("min_return_to_width", "full_return_to_width"),
            ("maintenance_margin", "initial_margin"),
        ):
            if getattr(self, low) >= getattr(self, high):
                raise TradingRulesError(
                    f"trading rule {low} ({getattr(self, low)}) must be below {high} ({getattr(self, high)})"
                )
        for name, value, allowed in (
            ("order_kind", self.order_kind, ORDER_KINDS),
            ("fill_price", self.fill_price, FILL_PRICES),
            ("spread_model", self.spread_model, SPREAD_MODELS),
            ("shares", self.shares, SHARES),
        ):
            if value not in allowed:
                raise TradingRulesError(f"trading rule {name} is {value!r}; expected one of {allowed}")
        if not self.principles or len(set(self.principles)) != len(self.principles):
            raise TradingRulesError(
                f"trading rule principles is {self.principles}; expected one or more different names"
            )

    @property
    def initial_cash_micros(self) -> int:
        """Deposit in micro-dollars."""
        return to_micros(self.initial_cash_usd)

    @property
    def lots_per_share(self) -> int:
        """Smallest tradable quantities that make up a share."""
        return MICRO_SHARES if self.shares == "fractional" else 1

    @property
    def initial_margin_parts_per_million(self) -> int:
        """Initial margin in millionths of the value."""
        return round(self.initial_margin * 1_000_000)

    @property
    def borrow_parts_per_million(self) -> int:
        """Fee of borrowing for a year in millionths of the value."""
        return round(self.borrow_rate * 1_000_000)

    @property
    def commission_per_share_micros(self) -> int:
        """Commission per share in micro-dollars."""
        return to_micros(self.commission_per_share_usd)

    @property
    def commission_minimum_micros(self) -> int:
        """Least commission of a filled order in micro-dollars."""
        return to_micros(self.commission_minimum_usd)

    @property
    def slippage_parts_per_million(self) -> int:
        """Slippage in millionths of the price."""
        return round(self.slippage_bps * 100)

    @property
    def limit_parts_per_million(self) -> int:
        """Distance of a limit from the reference price in millionths of it."""
        return round(self.limit_bps * 100)
