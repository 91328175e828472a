"""Trading principles: each judges, by itself and in one pass, what is proposed for every ticker.

A module of this package exports ``PRINCIPLE``, a :class:`Principle`. Principles apply in the order of
their ``stage``. A proposal starts as the whole net asset value for every ticker; then

- 'allow' leaves it as it is (factor 1),
- 'scale' multiplies it by the factor,
- 'veto' replaces it by factor x current weight: 1 keeps what is held, 0 orders out of it,
- 'abstain' says that the principle has no opinion here (factor 1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nextgen_assets.domain.trading.rules import TradingRules

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]

VERDICTS: Final = ("allow", "scale", "veto", "abstain")
ALLOW, SCALE, VETO, ABSTAIN = range(4)
_VERDICT_NAMES: Final = np.array(VERDICTS)


class PrincipleError(ValueError):
    """A principle is unknown, or a module of principles does not keep the contract."""


@dataclass(frozen=True, eq=False)
class Situation:
    """What is known at the cut-off of a session, one element per ticker.

    Parameters
    ----------
    session_date : date
        The session S whose close has passed.
    tickers : tuple of str
        (n_tickers,), any order.
    proposed_weight : float array (n_tickers,)
        Proposal after the principles of earlier stages, fraction of the net asset value, >= 0.
    ordered_out : bool array (n_tickers,)
        An earlier stage ordered the position to be closed.
    current_weight : float array (n_tickers,)
        Market value held over net asset value.
    quantity_held : int array (n_tickers,)
        Lots of the rules: shares where they are whole.
    sessions_held : int array (n_tickers,)
        Sessions since the position was opened, the opening session counted; 0 when nothing is held.
    price_usd : float array (n_tickers,)
        Last known close, > 0.
    unrealized_return, below_high : float array (n_tickers,)
        Price over average cost, minus 1; fraction below the highest close since the position was opened,
        splits taken out. NaN when nothing is held.
    median_dollar_volume_usd : float array (n_tickers,)
        Median over the last 20 sessions, a session without a bar counting as none; NaN while unknown.
    recent_returns : float array (n_tickers, n_sessions)
        Log returns of the last known closes over the last sessions, splits taken out; NaN while unknown.
    has_prediction, abstained : bool array (n_tickers,)
        Whether a prediction of S was issued, and whether it abstained.
    probability_up, expected_log_return, lower_log_return, upper_log_return, volatility : float array
        The prediction, over its horizon; NaN where absent.
    priority_score : float array (n_tickers,)
        Strategic priority from 0 to 1; NaN where there is none.
    brier_score, baseline_brier_score : float array (n_tickers,)
        Trailing Brier score of matured predictions and that of the base rate; NaN where unproven.
    net_asset_value_usd : float
        At the close of S, > 0.
    drawdown : float
        Fraction below the highest net asset value of the brake's window.
    rules : TradingRules
        Limits and thresholds.
    slippage_rate : float array (n_tickers,) or None
        Slippage to expect of an order, a fraction of the price; None for that of the rules.
    sector : object array (n_tickers,) or None
        Name of the sector, None where it is not known; None where no sectors are.
    is_short : bool array (n_tickers,) or None
        Whether the ticker is on the short side: then weights and quantities are absolute, and forecast, returns
        and gain those of a position that falls with the price; None for nowhere.
    carry_rate : float array (n_tickers,) or None
        What holding a position for the life of a thesis costs, a fraction of its value; None for nothing.
    """

    session_date: date
    tickers: tuple[str, ...]
    proposed_weight: Floats
    ordered_out: Flags
    current_weight: Floats
    quantity_held: Counts
    sessions_held: Counts
    price_usd: Floats
    unrealized_return: Floats
    below_high: Floats
    median_dollar_volume_usd: Floats
    recent_returns: Floats
    has_prediction: Flags
    abstained: Flags
    probability_up: Floats
    expected_log_return: Floats
    lower_log_return: Floats
    upper_log_return: Floats
    volatility: Floats
    priority_score: Floats
    brier_score: Floats
    baseline_brier_score: Floats
    net_asset_value_usd: float
    drawdown: float
    rules: TradingRules
    slippage_rate: Floats | None = None
    sector: NDArray[np.object_] | None = None
    is_short: Flags | None = None
    carry_rate: Floats | None = None

    @property
    def short_side(self) -> Flags:
        """Which tickers are on the short side."""
        return np.zeros(len(self.tickers), dtype=np.bool_) if self.is_short is None else self.is_short

    @property
    def carry(self) -> Floats:
        """What holding costs, a fraction of the value."""
        return np.zeros(len(self.tickers)) if self.carry_rate is None else self.carry_rate

    @property
    def is_predicted(self) -> Flags:
        """Whether a prediction was issued and did not abstain."""
        return self.has_prediction & ~self.abstained


@dataclass(frozen=True, eq=False)
class Judgement:
    """What one principle says, one element per ticker.

    Parameters
    ----------
    verdict : str array (n_tickers,)
        One of ``VERDICTS``.
    factor : float array (n_tickers,)
        See the package docstring; finite, >= 0, 1 for 'allow' and 'abstain'.
    reasons : list of str
        A short sentence each, never empty.
    """

    verdict: NDArray[np.str_]
    factor: Floats
    reasons: list[str]


@dataclass(frozen=True)
class Principle:
    """A named principle.

    Parameters
    ----------
    name : str
        Name of its module, used in settings.
    rationale : str
        Why it exists, for a person.
    stage : int
        Place in the order of application, ascending; equal stages apply in the order of names.
    judge : callable
        From a Situation to a Judgement; pure, and indifferent to the order of the tickers.
    is_for_shorts : bool
        Whether it applies exactly where shares may be sold short, whatever the settings name.
    """

    name: str
    rationale: str
    stage: int
    judge: Callable[[Situation], Judgement]
    is_for_shorts: bool = False


def judgement(codes: NDArray[np.int64], factor: Floats, reasons: list[str]) -> Judgement:
    """A Judgement from verdict codes ``ALLOW``, ``SCALE``, ``VETO``, ``ABSTAIN``."""
    return Judgement(verdict=_VERDICT_NAMES[codes], factor=factor, reasons=reasons)


@cache
def discover() -> dict[str, Principle]:
    """Every principle of this package by name, in the order of application.

    Raises
    ------
    PrincipleError
        If a module exports no ``PRINCIPLE`` of its own name.
    """
    found: list[Principle] = []
    for module in iter_modules(__path__):
        principle = getattr(import_module(f"{__name__}.{module.name}"), "PRINCIPLE", None)
        if not isinstance(principle, Principle) or principle.name != module.name:
            raise PrincipleError(
                f"module {module.name} of trading principles exports {principle!r}; "
                f"expected PRINCIPLE = Principle(name={module.name!r}, ...)"
            )
        found.append(principle)
    return {principle.name: principle for principle in sorted(found, key=lambda p: (p.stage, p.name))}


def selected(rules: TradingRules) -> tuple[Principle, ...]:
    """The principles switched on in the rules, in the order of application.

    Raises
    ------
    PrincipleError
        If a name is unknown; correct the settings.
    """
    known = discover()
    unknown = sorted(set(rules.principles) - set(known))
    if unknown:
        raise PrincipleError(f"unknown trading principles {unknown}; known are {sorted(known)}")
    return tuple(
        principle
        for name, principle in known.items()
        if (rules.shorting if principle.is_for_shorts else name in rules.principles)
    )
