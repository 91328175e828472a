"""The calendar and the cross-section again, slowly, with nothing but the standard library."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from datetime import date, timedelta

from nextgen_assets.domain.sessions import xnys
from tests.contracts.feature_oracles import ORACLES, Day, simple_moves

Histories = list[list[Day]]
MarketOracle = Callable[[Histories, int], float | None]
"""The days of every ticker up to today, and which of them is asked about."""


def is_holiday(day: date) -> bool:
    return day.weekday() < 5 and not xnys().is_session(day)


def walk(session: date, step: int, found: Callable[[date, date], bool]) -> int:
    """Sessions passed, day by day, until ``found(day, session passed last)``; at most 10."""
    passed, day, last = 0, session, session
    while passed < 10:
        day += timedelta(days=step)
        if found(day, last):
            return passed
        if xnys().is_session(day):
            passed, last = passed + 1, day
    return 10


def turns_month(day: date, last: date) -> bool:
    return day.month != last.month and xnys().is_session(day)


def days_to_next(session: date) -> int:
    return next(ahead for ahead in range(1, 12) if xnys().is_session(session + timedelta(days=ahead)))


def is_expiry_week(session: date) -> bool:
    fridays = [date(session.year, session.month, day) for day in range(15, 22)]
    third = next(day for day in fridays if day.weekday() == 4)
    return session.isocalendar()[:2] == third.isocalendar()[:2]


def season(session: date) -> float:
    return 2 * math.pi * (session - date(session.year, 1, 1)).days / 365.25


CALENDAR: dict[str, Callable[[date], float]] = {
    "weekday": lambda day: float(["Mon", "Tue", "Wed", "Thu", "Fri"].index(f"{day:%a}")),
    "days_to_next_session": days_to_next,
    "sessions_to_month_end": lambda day: walk(day, 1, turns_month),
    "sessions_since_month_start": lambda day: walk(day, -1, turns_month),
    "season_sine": lambda day: math.sin(season(day)),
    "season_cosine": lambda day: math.cos(season(day)),
    "sessions_to_holiday": lambda day: walk(day, 1, lambda other, _: is_holiday(other)),
    "sessions_since_holiday": lambda day: walk(day, -1, lambda other, _: is_holiday(other)),
    "is_early_close": lambda day: xnys().close_at(day).hour < 19,
    "is_expiry_week": is_expiry_week,
}


def known(name: str, histories: Histories) -> list[float]:
    found = [ORACLES[name](days) for days in histories]
    return [value for value in found if value is not None]


def rank_of(name: str) -> MarketOracle:
    def oracle(histories: Histories, ticker: int) -> float | None:
        own, others = ORACLES[name](histories[ticker]), known(name, histories)
        if own is None:
            return None
        if len(others) == 1:
            return 0.5
        close = [other for other in others if not math.isclose(other, own, rel_tol=1e-11, abs_tol=1e-15)]
        ties = len(others) - len(close) - 1
        return (sum(other < own for other in close) + ties / 2) / (len(others) - 1)

    return oracle


def mean_of(name: str, relative: bool) -> MarketOracle:
    def oracle(histories: Histories, ticker: int) -> float | None:
        own = ORACLES[name](histories[ticker])
        if own is None:
            return None
        mean = statistics.fmean(known(name, histories))
        return own - mean if relative else mean

    return oracle


def breadth(histories: Histories, ticker: int) -> float | None:
    if ORACLES["return_1"](histories[ticker]) is None:
        return None
    moves = known("return_1", histories)
    return sum(move > 0 for move in moves) / len(moves)


def dispersion(histories: Histories, ticker: int) -> float | None:
    if ORACLES["return_1"](histories[ticker]) is None:
        return None
    return statistics.pstdev(known("return_1", histories))


def beta(histories: Histories, ticker: int) -> float | None:
    own = simple_moves(histories[ticker], 60)
    if own is None:
        return None
    length = len(histories[ticker])
    market = [
        statistics.fmean(known("return_1", [days[:stop] for days in histories]))
        for stop in range(length - 59, length + 1)
    ]
    return statistics.linear_regression(market, own).slope


def of_sector(histories: Histories, ticker: int) -> Histories:
    """The histories of the tickers that are in the sector of this one today."""
    own = histories[ticker][-1].sector
    return [days for days in histories if own is not None and days[-1].sector == own]


def sector_value(name: str, say: Callable[[float, list[float], list[float]], float]) -> MarketOracle:
    """``say(own, values of the sector, values of the market)``; None without another one of the sector."""

    def oracle(histories: Histories, ticker: int) -> float | None:
        own, peers = ORACLES[name](histories[ticker]), known(name, of_sector(histories, ticker))
        return None if own is None or len(peers) < 2 else say(own, peers, known(name, histories))

    return oracle


def share_below(own: float, peers: list[float], _: list[float]) -> float:
    ties = sum(math.isclose(peer, own, rel_tol=1e-11, abs_tol=1e-15) for peer in peers) - 1
    below = sum(peer < own and not math.isclose(peer, own, rel_tol=1e-11, abs_tol=1e-15) for peer in peers)
    return (below + ties / 2) / (len(peers) - 1)


_RETURNS = ("return_1", "return_5", "return_20")
MARKET: dict[str, MarketOracle] = {
    **{f"rank_{name}": rank_of(name) for name in (*_RETURNS, "volatility_20", "dollar_volume_z_20")},
    **{f"{name}_over_market": mean_of(name, relative=True) for name in _RETURNS},
    **{f"market_{name}": mean_of(name, relative=False) for name in _RETURNS},
    "market_breadth": breadth,
    "market_dispersion": dispersion,
    "market_beta_60": beta,
    **{
        f"{name}_over_sector": sector_value(name, lambda own, peers, _: own - statistics.fmean(peers))
        for name in _RETURNS
    },
    **{
        f"sector_{name}": sector_value(name, lambda _, peers, __: statistics.fmean(peers))
        for name in _RETURNS
    },
    "rank_return_20_in_sector": sector_value("return_20", share_below),
    "sector_return_20_over_market": sector_value(
        "return_20", lambda _, peers, market: statistics.fmean(peers) - statistics.fmean(market)
    ),
}
