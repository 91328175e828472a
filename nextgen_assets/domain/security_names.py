"""Which security a ticker stands for, so that a series follows the firm and not the four letters.

A stay of the listings begins when a ticker starts to stand for a security. Two stays of one security under
different tickers are a rename; two securities under one ticker are a reuse. On reading, rows of earlier
sessions are put under the ticker that their security has at the end of the pass:

- after a rename the history of the old ticker is the history of the new one;
- after a reuse the rows of the old firm are no history of the new one.

A pass never spans a change (see ``changes``), so every session of it has the names of its last one, and a
range gives what its sessions give one by one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Literal

import polars as pl

from nextgen_assets.domain.sessions import SessionCalendar

FormerFirm = Literal["drop", "alias", "keep"]


@dataclass(frozen=True)
class Tenure:
    """A span of days, ``stop`` excluded, in which ``ticker`` stood for one security.

    ``name`` is the ticker of that security at the end of the pass; None when another firm has it by then,
    or the security is no more under any.
    """

    ticker: str
    start: date
    stop: date
    security_id: str
    name: str | None


@dataclass(frozen=True)
class SecurityNames:
    """The names of securities as of one session; build it with :meth:`as_of`.

    Parameters
    ----------
    tenures : tuple of Tenure
        Only of tickers that were reused or renamed; every other ticker stands for itself.
    """

    tenures: tuple[Tenure, ...] = ()

    @classmethod
    def as_of(cls, stays: pl.DataFrame, session: date) -> SecurityNames:
        """Names at ``session``.

        Parameters
        ----------
        stays : DataFrame
            ticker, valid_from, security_id of the listings, unique by ticker and valid_from. Stays that
            begin after ``session`` are not known yet and play no part.
        session : date
            Last session of the pass.
        """
        spans = _spans(stays, session)
        newest_ticker: dict[str, tuple[date, str]] = {}
        for ticker, start, _, security in spans:
            newest_ticker[security] = max(newest_ticker.get(security, (date.min, "")), (start, ticker))
        holder = {ticker: security for ticker, _, stop, security in spans if stop == date.max}
        tenures = []
        for ticker, start, stop, security in spans:
            name = newest_ticker[security][1]
            tenures.append(Tenure(ticker, start, stop, security, name if holder[name] == security else None))
        of_ticker = Counter(tenure.ticker for tenure in tenures)
        of_security = Counter(tenure.security_id for tenure in tenures)
        odd = (t for t in tenures if of_ticker[t.ticker] > 1 or of_security[t.security_id] > 1)
        return cls(tuple(odd))

    def follow(self, frame: pl.DataFrame, day: str, former: FormerFirm = "drop") -> pl.DataFrame:
        """``frame`` with every row under the ticker that its security has now.

        Parameters
        ----------
        frame : DataFrame
            ``ticker`` (text) and ``day`` (date), any further columns.
        day : str
            Column that dates a row.
        former : {'drop', 'alias', 'keep'}
            What becomes of rows of a firm whose ticker another one has now: left out, put under a name
            that no ticker can have, or left as they are.

        Returns
        -------
        DataFrame
            The columns of ``frame``, rows in the same order.
        """
        if not self.tenures or frame.is_empty():
            return frame
        kept = pl.lit(True)
        renamed = pl.col("ticker")
        for tenure in self.tenures:
            is_its = (pl.col("ticker") == tenure.ticker) & pl.col(day).is_between(
                tenure.start, tenure.stop, closed="left"
            )
            if tenure.name is not None:
                if tenure.name != tenure.ticker:
                    renamed = pl.when(is_its).then(pl.lit(tenure.name)).otherwise(renamed)
            elif former == "drop":
                kept = kept & ~is_its.fill_null(False)
            elif former == "alias":
                renamed = (
                    pl.when(is_its).then(pl.lit(f"{tenure.ticker} until {tenure.stop}")).otherwise(renamed)
                )
        return frame.filter(kept).with_columns(renamed.alias("ticker").cast(pl.String))

    def name_of(self, ticker: str, day: date) -> str:
        """The ticker now of what was ``ticker`` on ``day``; a former firm is named as ``follow`` aliases it."""
        frame = pl.DataFrame({"ticker": [ticker], "day": [day]}, schema={"ticker": pl.String, "day": pl.Date})
        return str(self.follow(frame, "day", "alias")["ticker"][0])

    def renamed_on(self, session: date) -> dict[str, str]:
        """New ticker to old ticker, of the renames whose first session is ``session``."""
        into = {t.name: t.security_id for t in self.tenures if t.ticker == t.name and t.start == session}
        before: dict[str, Tenure] = {}
        for tenure in self.tenures:
            if tenure.name is None or tenure.ticker == tenure.name:
                continue
            if into.get(tenure.name) == tenure.security_id:
                newest = before.get(tenure.name, tenure)
                before[tenure.name] = max(newest, tenure, key=lambda found: found.start)
        return {new: tenure.ticker for new, tenure in before.items()}


def changes(stays: pl.DataFrame, calendar: SessionCalendar) -> list[date]:
    """Sessions on which a ticker begins to stand for another security, or a security has another ticker.

    Parameters
    ----------
    stays : DataFrame
        ticker, valid_from, security_id of the listings.
    calendar : SessionCalendar
        A day without trading counts for the next session.

    Returns
    -------
    list of date
        Ascending, each once.
    """
    spans = _spans(stays, date.max)
    seen: set[str] = set()
    days = set()
    for _, start, _, security in sorted(spans, key=lambda span: (span[1], span[0])):
        if security in seen and start > date.min:
            days.add(start)
        seen.add(security)
    days |= {start for _, start, _, _ in spans if start > date.min}
    return sorted({calendar.on_or_after(day) for day in days})


def _spans(stays: pl.DataFrame, session: date) -> list[tuple[str, date, date, str]]:
    """Ticker, start, stop and security of each tenure that has begun, by ticker and start.

    The first tenure of a ticker has no start unless its security had another ticker before; a tenure ends
    where the next security takes the ticker, and the last one is open.
    """
    begun = stays.filter(pl.col("valid_from") <= session).sort("ticker", "valid_from")
    first_seen = dict(begun.group_by("security_id").agg(pl.col("valid_from").min()).rows())
    spans: list[tuple[str, date, date, str]] = []
    for ticker, start, security in begun.select("ticker", "valid_from", "security_id").iter_rows():
        previous = spans[-1] if spans and spans[-1][0] == ticker else None
        if previous is not None and previous[3] == security:
            continue
        if previous is not None:
            spans[-1] = (*previous[:2], start, previous[3])
        is_first = previous is None and first_seen[security] == start
        spans.append((ticker, date.min if is_first else start, date.max, security))
    return spans
