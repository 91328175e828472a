"""Who is in the universe when: stays of securities, each fact dated by the session that shows it.

A run over the sessions a..b decides only what happened from a to b. What happened before a, or is known
to happen after b, is left as it stands; so running session by session, in one range, or in parts in any
order (stating ``covered_until`` when going back) gives the same table.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from nextgen_assets.domain.sessions import SessionCalendar

STAY_SCHEMA: dict[str, Any] = {
    "ticker": pl.String,
    "valid_from": pl.Date,
    "valid_to": pl.Date,
    "security_id": pl.String,
    "name": pl.String,
    "exchange": pl.String,
    "currency": pl.String,
    "sector": pl.String,
    "reason_in": pl.String,
    "reason_out": pl.String,
    "median_dollar_volume_usd": pl.Float64,
    "last_close": pl.Float64,
    "source": pl.String,
    "known_at": pl.Datetime("us", "UTC"),
}
_DESCRIPTION = ("ticker", "security_id", "name", "exchange", "currency", "sector")


class UniverseRules(BaseModel):
    """How the universe is drawn from the listings of a provider.

    Parameters
    ----------
    tickers : tuple of str, optional
        Only these; every listing when None. A ticker that is dropped here leaves with reason 'removed'.
    liquidity_sessions : int
        Bars before entry that the median dollar volume is taken over.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tickers: tuple[str, ...] | None = None
    liquidity_sessions: int = Field(default=63, ge=1, le=2520)


@dataclass(frozen=True)
class _Span:
    """The sessions that one run has authority over, and how far runs have come in all."""

    calendar: SessionCalendar
    first: date
    last: date
    known_until: date


def universe_stays(
    listings: pl.DataFrame,
    bars: pl.DataFrame,
    existing_stays: pl.DataFrame,
    first: date,
    last: date,
    calendar: SessionCalendar,
    source: str,
    rules: UniverseRules | None = None,
    covered_until: date | None = None,
) -> pl.DataFrame:
    """The whole table of stays after a run over the sessions ``first`` to ``last``.

    Parameters
    ----------
    listings : polars.DataFrame
        ticker, security_id, name, exchange, currency, sector, first_session, last_session (null while
        listed), as a provider gives them; spans of one ticker must not overlap.
    bars : polars.DataFrame
        ticker, session_date, close, volume and, if present, known_at: for the liquidity at entry. Only
        rows before the session of entry and known at its opening are used; may be empty.
    existing_stays : polars.DataFrame
        The stored table (columns of ``STAY_SCHEMA``, others ignored); may be empty.
    first, last : date
        Sessions of the run.
    calendar : SessionCalendar
        Sessions of the exchange.
    source : str
        Name of the provider.
    rules : UniverseRules, optional
        The defaults when None.
    covered_until : date, optional
        Last session that any earlier run covered. It matters only when an older part is run after a newer
        one: an exit up to that session is stated, since the run that should have stated it is over.

    Returns
    -------
    polars.DataFrame
        Columns of ``STAY_SCHEMA``, sorted by ticker and valid_from: what replaces the stored table.
        ``reason_in`` is 'listed' on the first session of a listing, 'renamed' where its security had another
        ticker before, 'initial member' where it was listed before the first session that is known of it;
        ``reason_out`` is 'renamed' from the first session under another ticker, 'delisted' from the first
        session after the last bar, or 'removed'.

    Raises
    ------
    NotASessionError
        ``first`` or ``last`` is not a session.
    ValueError
        Two listings of one ticker overlap in time, or one security begins under two tickers at once.

    Notes
    -----
    No row says anything of a session after ``last`` that no run has covered, so ``members`` on a past day
    never depends on what came later.
    """
    rules = rules or UniverseRules()
    for session in (first, last):
        calendar.index(session)
    span = _Span(calendar, first, last, known_until=max(last, covered_until or last))
    _refuse_overlaps(listings)
    wanted = listings if rules.tickers is None else listings.filter(pl.col("ticker").is_in(rules.tickers))
    first_day = listings.get_column("first_session").min()
    by_security = _by_security(existing_stays)
    stays: list[dict[str, Any]] = []
    for listing in _with_neighbours(wanted).iter_rows(named=True):
        stored = by_security.pop((listing["ticker"], listing["security_id"]), [])
        stays += _stays_of(stored, _membership(listing, first_day, span), span)
    for stored in by_security.values():
        stays += _stays_of(stored, None, span)
    kept = [stay for stay in stays if "known_at" in stay]
    entered = [stay for stay in stays if "known_at" not in stay]
    table = [pl.DataFrame(kept, schema=STAY_SCHEMA), _entries(entered, bars, calendar, source, rules)]
    return pl.concat(table).sort("ticker", "valid_from")


def members(stays: pl.DataFrame, session: date) -> pl.DataFrame:
    """The stays that cover ``session``, sorted by ticker.

    Parameters
    ----------
    stays : polars.DataFrame
        ticker, valid_from, valid_to and any further columns.
    session : date
        A session; a stay covers it when valid_from <= session < valid_to (or valid_to is null).
    """
    has_begun = pl.col("valid_from") <= session
    has_ended = (pl.col("valid_to") <= session).fill_null(False)
    return stays.filter(has_begun & ~has_ended).sort("ticker")


@dataclass(frozen=True)
class _Membership:
    """When the listing of a security says that it is in, as far as one run may know."""

    entry: date
    out: date | None
    reason_in: str
    reason_out: str
    description: dict[str, Any]


def _membership(listing: dict[str, Any], first_day: object, span: _Span) -> _Membership:
    entry = span.calendar.on_or_after(listing["first_session"])
    was_listed_before = entry < span.first or listing["first_session"] == first_day
    was_renamed = listing["renamed_from"] is not None and not entry < span.first
    last_bar, renamed_on = listing["last_session"], listing["renamed_on"]
    out = None if last_bar is None else span.calendar.shift(span.calendar.on_or_before(last_bar), 1)
    reason_out = "delisted"
    if renamed_on is not None and span.calendar.on_or_after(renamed_on) <= span.known_until:
        out, reason_out = span.calendar.on_or_after(renamed_on), "renamed"
    return _Membership(
        entry=max(entry, span.first),
        out=out if out is not None and out <= span.known_until else None,
        reason_in="renamed" if was_renamed else "initial member" if was_listed_before else "listed",
        reason_out=reason_out,
        description={name: listing[name] for name in _DESCRIPTION},
    )


def _with_neighbours(listings: pl.DataFrame) -> pl.DataFrame:
    """Listings with when, and from which ticker, the same security came, and when it went on to another."""
    ordered = listings.sort("security_id", "first_session", "ticker")
    before, after = (pl.col("ticker").shift(n).over("security_id") for n in (1, -1))
    next_session = pl.col("first_session").shift(-1).over("security_id")
    return ordered.with_columns(
        renamed_from=pl.when(before != pl.col("ticker")).then(before),
        renamed_on=pl.when(after != pl.col("ticker")).then(next_session),
    ).sort("ticker", "first_session")


def _stays_of(stored: list[dict[str, Any]], listed: _Membership | None, span: _Span) -> list[dict[str, Any]]:
    """Stays of one security after the run: what was before it, what the run decides, what comes after it."""
    before = [stay for stay in stored if stay["valid_from"] < span.first]
    after = [stay for stay in stored if stay["valid_from"] > span.last]
    current = before.pop() if before and _reaches(before[-1], span.first) else None
    is_in = (
        listed is not None and listed.entry <= span.last and (listed.out is None or listed.entry < listed.out)
    )
    if listed is None or not is_in:
        reason = "removed" if listed is None or listed.out is None else listed.reason_out
        return [*before, *([] if current is None else [_ended(current, span.first, reason)]), *after]
    if current is not None and listed.entry > span.first:
        before, current = [*before, _ended(current, span.first, "removed")], None
    if current is None:
        reason = "relisted" if before and listed.reason_in == "initial member" else listed.reason_in
        current = {**listed.description, "valid_from": listed.entry, "reason_in": reason}
    if listed.out is not None:
        later = [stay for stay in after if stay["valid_from"] >= listed.out]
        return [*before, _ended(current, listed.out, listed.reason_out), *later]
    return [*before, *_continued(current, stored, after, span)]


def _reaches(stay: dict[str, Any], session: date) -> bool:
    return stay["valid_to"] is None or stay["valid_to"] >= session


def _ended(stay: dict[str, Any], session: date | None, reason: str | None) -> dict[str, Any]:
    return {**stay, "valid_to": session, "reason_out": reason}


def _continued(
    current: dict[str, Any], stored: list[dict[str, Any]], after: list[dict[str, Any]], span: _Span
) -> list[dict[str, Any]]:
    """A stay that outlasts the run, with the end that an earlier run saw after it, if one did.

    A later stay of the same security began only because an earlier run started there; it is joined.
    """
    for stay in stored:
        if stay["valid_from"] <= span.last and stay["valid_to"] is not None and stay["valid_to"] > span.last:
            return [_ended(current, stay["valid_to"], stay["reason_out"]), *after]
    if after:
        return [_ended(current, after[0]["valid_to"], after[0]["reason_out"]), *after[1:]]
    return [_ended(current, None, None)]


def _entries(
    entered: list[dict[str, Any]],
    bars: pl.DataFrame,
    calendar: SessionCalendar,
    source: str,
    rules: UniverseRules,
) -> pl.DataFrame:
    """New stays with what was known at the opening of their first session."""
    facts = [{**stay, "source": source, "known_at": calendar.open_at(stay["valid_from"])} for stay in entered]
    stays = pl.DataFrame(facts, schema=STAY_SCHEMA).drop("median_dollar_volume_usd", "last_close")
    known = bars.rename({"known_at": "_bar_known_at"}, strict=False)
    before = known.join(stays.select("ticker", "valid_from", "known_at"), on="ticker").filter(
        pl.col("session_date") < pl.col("valid_from")
    )
    if "_bar_known_at" in before.columns:
        before = before.filter(pl.col("_bar_known_at") <= pl.col("known_at"))
    ordered = before.sort("ticker", "valid_from", "session_date")
    liquidity = ordered.group_by("ticker", "valid_from", maintain_order=True).agg(
        (pl.col("close") * pl.col("volume"))
        .tail(rules.liquidity_sessions)
        .median()
        .alias("median_dollar_volume_usd"),
        pl.col("close").last().alias("last_close"),
    )
    complete = stays.join(liquidity, on=["ticker", "valid_from"], how="left")
    return complete.select(pl.col(name).cast(dtype) for name, dtype in STAY_SCHEMA.items())


def _by_security(stays: pl.DataFrame) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Stored stays of each (ticker, security_id), in order of time."""
    grouped: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for stay in stays.select(list(STAY_SCHEMA)).sort("ticker", "valid_from").iter_rows(named=True):
        grouped.setdefault((stay["ticker"], stay["security_id"]), []).append(stay)
    return grouped


def _refuse_overlaps(listings: pl.DataFrame) -> None:
    ordered = listings.sort("ticker", "first_session")
    ends = pl.col("last_session").fill_null(date.max).shift(1).over("ticker")
    overlapping = ordered.filter(pl.col("first_session") <= ends)
    at_once = listings.filter(pl.struct("security_id", "first_session").is_duplicated())
    if at_once.height:
        raise ValueError(
            f"listings: {at_once['security_id'][0]} begins under the tickers {', '.join(at_once['ticker'])} on "
            f"{at_once['first_session'][0]}; give each security an id of its own."
        )
    if overlapping.height:
        row = overlapping.row(0, named=True)
        raise ValueError(
            f"listings of {row['ticker']} overlap: {row['security_id']} begins on {row['first_session']}, "
            "before the earlier one ended; give each security of a reused ticker its own span."
        )
