"""The universe by review: who is large and liquid enough on the days of review, and stays until clearly not.

A review looks at what was known by the cut-off of the session before it. A security enters when it passes
every filter and its rank by median dollar volume is within ``enter_rank``; it stays while it passes the
filters eased by ``slack`` and its rank is within ``exit_rank``; places that are left go to the next in rank.
So a security at the edge does not come and go. Between reviews only listings change the universe: a
delisting ends a stay, a rename carries it over to the new ticker.

Decisions depend on the stays before the review, on bars known by then, and on nothing else: a range, its
sessions one by one and a rebuild give the same stays.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import polars as pl

from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.universe import STAY_SCHEMA

Review = Literal["week", "month", "quarter"]
Stay = dict[str, Any]
_DESCRIPTION = ("ticker", "security_id", "name", "exchange", "currency", "sector")


@dataclass(frozen=True)
class ReviewRules:
    """Filters, ranks and hysteresis.

    Parameters
    ----------
    max_tickers : int or None
        Members after a review; None: everybody who passes.
    minimum_price_usd, minimum_dollar_volume_usd : float
        Of the last close as traded, and of the median of close times volume.
    minimum_history_sessions : int
        Bars that the security must have had.
    exchanges : tuple of str
        Only these; empty: all.
    slack : float
        How far below a minimum, or beyond ``max_tickers``, a member may be and stay; a newcomer must rank
        as far within.
    liquidity_sessions : int
        Sessions that the median is taken over.
    """

    max_tickers: int | None = None
    minimum_price_usd: float = 0.0
    minimum_dollar_volume_usd: float = 0.0
    minimum_history_sessions: int = 0
    exchanges: tuple[str, ...] = ()
    slack: float = 0.2
    liquidity_sessions: int = 63

    @property
    def enter_rank(self) -> float:
        """Rank within which a newcomer enters ahead of members."""
        return (
            math.inf if self.max_tickers is None else max(1, math.floor(self.max_tickers * (1 - self.slack)))
        )

    @property
    def exit_rank(self) -> float:
        """Rank beyond which a member leaves."""
        return math.inf if self.max_tickers is None else math.ceil(self.max_tickers * (1 + self.slack))

    @property
    def needs_bars(self) -> bool:
        """Whether any rule looks at bars."""
        asked = (self.minimum_price_usd, self.minimum_dollar_volume_usd, self.minimum_history_sessions)
        return self.max_tickers is not None or any(asked)

    @property
    def reach_sessions(self) -> int:
        """Sessions of bars that a review reads."""
        return max(self.liquidity_sessions, self.minimum_history_sessions, 1)


def review_sessions(first: date, last: date, every: Review, calendar: SessionCalendar) -> list[date]:
    """The sessions from ``first`` to ``last`` that begin a week, month or quarter of the calendar."""
    return [
        session
        for session in calendar.between(first, last)
        if _period(session, every) != _period(calendar.shift(session, -1), every)
    ]


def membership_changes(
    membership: pl.DataFrame, first: date, last: date, calendar: SessionCalendar
) -> list[date]:
    """The sessions from ``first`` to ``last`` on which somebody joins or leaves the index."""
    days = pl.concat([membership["member_from"], membership["member_to"].drop_nulls()]).unique()
    inside = days.filter(days.is_between(calendar.shift(first, -1), last)).to_list()
    return sorted({day for day in map(calendar.on_or_after, inside) if first <= day <= last})


def with_eligibility(candidates: pl.DataFrame, membership: pl.DataFrame, session: date) -> pl.DataFrame:
    """``candidates`` with ``is_eligible``: whether the ticker is in the index on ``session``.

    Parameters
    ----------
    candidates : DataFrame
        ticker and further columns.
    membership : DataFrame
        ticker, member_from, member_to (the first day out, null while in); tickers as of their day.
    session : date
        Session of review.
    """
    has_left = (pl.col("member_to") <= session).fill_null(False)
    inside = membership.filter((pl.col("member_from") <= session) & ~has_left)["ticker"].unique()
    return candidates.with_columns(is_eligible=pl.col("ticker").is_in(inside.implode()))


def measured(bars: pl.DataFrame, rules: ReviewRules) -> pl.DataFrame:
    """What a review knows of each ticker.

    Parameters
    ----------
    bars : DataFrame
        ticker, session_date, close, volume of sessions before the review as known by then.

    Returns
    -------
    DataFrame
        ticker, last_close, median_dollar_volume_usd (over its last ``liquidity_sessions`` bars) and
        history_sessions, by ticker.
    """
    return (
        bars.sort("ticker", "session_date")
        .group_by("ticker", maintain_order=True)
        .agg(
            pl.col("close").last().alias("last_close"),
            (pl.col("close") * pl.col("volume"))
            .tail(rules.liquidity_sessions)
            .median()
            .alias("median_dollar_volume_usd"),
            pl.len().alias("history_sessions"),
        )
    )


def reviewed(
    candidates: pl.DataFrame, measures: pl.DataFrame, members: frozenset[str], rules: ReviewRules
) -> pl.DataFrame:
    """Who is in after a review, and why or why not.

    Parameters
    ----------
    candidates : DataFrame
        ticker, exchange of every security listed on the session, and is_eligible where an index decides.
    measures : DataFrame
        From :func:`measured`.
    members : frozenset of str
        Tickers that are in before the review.
    rules : ReviewRules
        Filters and ranks.

    Returns
    -------
    DataFrame
        ticker, is_in, reason, rank (null where a filter keeps it out), last_close and
        median_dollar_volume_usd, by ticker.
    """
    if "is_eligible" not in candidates.columns:
        candidates = candidates.with_columns(is_eligible=pl.lit(True))
    candidates = candidates.select("ticker", "exchange", "is_eligible")
    member = pl.col("ticker").is_in(list(members))
    ease = pl.when(member).then(1.0 - rules.slack).otherwise(1.0)
    exchange = pl.col("exchange").is_in(list(rules.exchanges)) | pl.lit(not rules.exchanges)
    volume = pl.col("median_dollar_volume_usd")
    refusals = {
        "left the index": ~pl.col("is_eligible"),
        "exchange": ~exchange,
        "no bars": pl.col("last_close").is_null() & rules.needs_bars,
        "short history": pl.col("history_sessions") < rules.minimum_history_sessions,
        "low price": pl.col("last_close") < ease * rules.minimum_price_usd,
        "low dollar volume": volume < ease * rules.minimum_dollar_volume_usd,
    }
    judged = candidates.join(measures, on="ticker", how="left").with_columns(
        reason=pl.coalesce(*(pl.when(expr).then(pl.lit(text)) for text, expr in refusals.items())),
        is_member=member,
    )
    passing = judged.filter(pl.col("reason").is_null()).sort(
        "median_dollar_volume_usd", "ticker", descending=[True, False], nulls_last=True
    )
    passing = passing.with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))
    chosen = _chosen(passing.select("ticker", "rank", "is_member").rows(), rules)
    is_in = pl.col("ticker").is_in(list(chosen))
    return (
        judged.join(passing.select("ticker", "rank"), on="ticker", how="left")
        .with_columns(is_in=is_in, reason=pl.coalesce("reason", pl.when(~is_in).then(pl.lit("low rank"))))
        .select("ticker", "is_in", "reason", "rank", "last_close", "median_dollar_volume_usd")
        .sort("ticker")
    )


def _chosen(ranked: list[tuple[str, int, bool]], rules: ReviewRules) -> set[str]:
    """Newcomers within the inner rank, then members within the outer one, then the next in rank."""
    places = math.inf if rules.max_tickers is None else rules.max_tickers
    chosen = [name for name, rank, _ in ranked if rank <= rules.enter_rank]
    chosen += [
        name for name, rank, is_member in ranked if is_member and rules.enter_rank < rank <= rules.exit_rank
    ]
    chosen = chosen[: int(places)] if places < math.inf else chosen
    taken = set(chosen)
    for name, _, _ in ranked:
        if len(taken) >= places:
            break
        taken.add(name)
    return taken


def _period(session: date, every: Review) -> tuple[int, int]:
    if every == "week":
        year, week, _ = session.isocalendar()
        return year, week
    return session.year, session.month if every == "month" else (session.month - 1) // 3


Decide = Callable[[date, pl.DataFrame, frozenset[str]], pl.DataFrame]
"""Session of review, listings on it, members before it: the decisions of `reviewed`."""


@dataclass
class Curator:
    """Carries the stays from one session to the next; build it, call :meth:`run`, take :meth:`table`.

    Parameters
    ----------
    listings : DataFrame
        Columns of ``STAY_SCHEMA``: the spans of listed securities.
    existing : DataFrame
        Stored stays, columns of ``STAY_SCHEMA``; those dated before the run are taken as they stand.
    calendar : SessionCalendar
        For the opening of the first session of a stay.
    """

    listings: pl.DataFrame
    existing: pl.DataFrame
    calendar: SessionCalendar
    _closed: list[Stay] = field(default_factory=list)
    _open: dict[str, Stay] = field(default_factory=dict)

    def run(self, first: date, last: date, reviews: list[date], decide: Decide) -> None:
        """Work through the sessions ``first`` to ``last``: ends and renames of listings, then reviews.

        Parameters
        ----------
        first, last : date
            Sessions; everything stored that is dated in or after them is decided anew.
        reviews : list of date
            Sessions of review among them.
        decide : callable
            What a review says.
        """
        self._start(first)
        ends = self.listings.filter(pl.col("valid_to").is_between(first, last))["valid_to"].to_list()
        for session in sorted({*ends, *reviews}):
            self._end_listings(session)
            if session in reviews:
                self._review(session, decide)

    def table(self) -> pl.DataFrame:
        """Every stay, columns of ``STAY_SCHEMA``, by ticker and valid_from."""
        rows = [*self._closed, *self._open.values()]
        return pl.DataFrame(rows, schema=STAY_SCHEMA).sort("ticker", "valid_from")

    def _start(self, first: date) -> None:
        for stay in self.existing.select(list(STAY_SCHEMA)).iter_rows(named=True):
            if stay["valid_from"] >= first:
                continue
            if stay["valid_to"] is not None and stay["valid_to"] < first:
                self._closed.append(stay)
            else:
                self._open[stay["ticker"]] = {**stay, "valid_to": None, "reason_out": None}

    def _end_listings(self, session: date) -> None:
        ended = self.listings.filter(pl.col("valid_to") == session).sort("ticker")
        heirs: list[tuple[Stay, Stay]] = []
        for listing in ended.iter_rows(named=True):
            stay = self._open.get(listing["ticker"])
            if stay is None or stay["security_id"] != listing["security_id"]:
                continue
            self._leave(listing["ticker"], session, listing["reason_out"])
            is_heir = (pl.col("security_id") == listing["security_id"]) & (pl.col("valid_from") == session)
            heirs += [(stay, row) for row in self.listings.filter(is_heir).iter_rows(named=True)]
        for stay, heir in heirs:
            facts = {name: stay[name] for name in ("median_dollar_volume_usd", "last_close")}
            self._enter(heir, session, "renamed", facts)

    def _review(self, session: date, decide: Decide) -> None:
        has_ended = (pl.col("valid_to") <= session).fill_null(False)
        listed = self.listings.filter((pl.col("valid_from") <= session) & ~has_ended)
        decisions = decide(session, listed, frozenset(self._open))
        by_ticker = {row["ticker"]: row for row in listed.iter_rows(named=True)}
        for row in decisions.iter_rows(named=True):
            ticker = row["ticker"]
            if ticker in self._open and not row["is_in"]:
                self._leave(ticker, session, row["reason"])
        for row in decisions.iter_rows(named=True):
            ticker = row["ticker"]
            if row["is_in"] and ticker not in self._open:
                reason = f"rank {row['rank']}"
                self._enter(by_ticker[ticker], session, reason, row)

    def _leave(self, ticker: str, session: date, reason: str) -> None:
        stay = self._open.pop(ticker)
        if stay["valid_from"] < session:
            self._closed.append({**stay, "valid_to": session, "reason_out": reason})

    def _enter(self, listing: Stay, session: date, reason: str, facts: Stay) -> None:
        described = {name: listing[name] for name in _DESCRIPTION}
        self._open[listing["ticker"]] = {
            **described,
            "valid_from": session,
            "valid_to": None,
            "reason_in": reason,
            "reason_out": None,
            "median_dollar_volume_usd": facts["median_dollar_volume_usd"],
            "last_close": facts["last_close"],
            "source": listing["source"],
            "known_at": self.calendar.open_at(session),
        }
