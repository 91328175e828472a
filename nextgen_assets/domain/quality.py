"""Which delivered bars may be believed: declarative rules, each with the reason that it gives.

A rejected row is kept whole, with its reason, for the quarantine; it is repaired nowhere. Large moves are
no reason: a fall of 61% in a day has happened. Rules judge a row by itself, by the other versions of the
same row, and by the last accepted close before it; never by anything later.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import date
from functools import lru_cache, reduce
from typing import Any

import polars as pl

from nextgen_assets.domain.declared_rules import Rule, first_broken
from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.unit_switches import ROW_COLUMN, find_unit_switches

TICKER_PATTERN = r"[A-Z0-9][A-Z0-9.\-^=]{0,15}"
_PRICES = ("open", "high", "low", "close")
_VALUES = (*_PRICES, "volume")
_MOST_SHARES = 10.0**15
_TYPES = {"ticker": pl.String(), "session_date": pl.Date()} | dict.fromkeys(_VALUES, pl.Float64())


@dataclass(frozen=True)
class Inspected:
    """Bars, sorted into believed and refused.

    Attributes
    ----------
    accepted : polars.DataFrame
        The columns of the input, ``volume`` as Int64, sorted by ticker and session_date; that pair is
        unique.
    rejected : polars.DataFrame
        reason_code, reason, payload (JSON object of the whole row; non-finite numbers as text), ticker
        and session_date as delivered, null where they were; sorted by ticker, session_date, reason_code,
        payload.
    duplicate_count : int
        Exact copies that were collapsed into one row: rows in = accepted + rejected + duplicate_count.
    """

    accepted: pl.DataFrame
    rejected: pl.DataFrame
    duplicate_count: int


@lru_cache(maxsize=4)
def bar_rules(sessions: tuple[date, ...], version: str | None = None) -> tuple[Rule, ...]:
    """The rules that judge one row by itself, in the order in which the first broken one gives the reason.

    Parameters
    ----------
    sessions : tuple of date
        The days on which the exchange trades.
    version : str, optional
        Column that tells deliveries apart, as for `inspect_bars`.
    """
    absent = reduce(pl.Expr.or_, (pl.col(name).is_null() | pl.col(name).is_nan() for name in _VALUES))
    infinite = reduce(pl.Expr.or_, (pl.col(name).is_infinite() for name in _VALUES))
    top = pl.max_horizontal("open", "close", "low")
    bottom = pl.min_horizontal("open", "close", "high")
    is_known = pl.col("ticker").str.contains(f"^(?:{TICKER_PATTERN})$").fill_null(False)
    is_session = pl.col("session_date").is_in(list(sessions)).fill_null(False)
    shares = pl.col("volume")
    bar = ["ticker", "session_date", *([version] if version else [])]
    in_conflict = (pl.len().over(bar) > 1) & pl.col("session_date").is_not_null()
    return (
        Rule("bad_ticker", ~is_known, "ticker {ticker!r} is not on the allow-list"),
        Rule("no_session", ~is_session, "{session_date} is not a session of the exchange"),
        Rule(
            "missing_value",
            absent,
            "a value is missing: open {open}, high {high}, low {low}, close {close}, volume {volume}",
        ),
        Rule(
            "infinite_value",
            infinite,
            "a value is infinite: open {open}, high {high}, low {low}, close {close}, volume {volume}",
        ),
        Rule(
            "price_not_positive",
            pl.min_horizontal(*_PRICES) <= 0,
            "a price is not positive: open {open}, high {high}, low {low}, close {close}",
        ),
        Rule("negative_volume", shares < 0, "volume {volume} is negative"),
        Rule(
            "volume_not_whole",
            (shares != shares.round(0)) | (shares > _MOST_SHARES),
            "volume {volume} is not a whole number of shares up to 1e15",
        ),
        Rule(
            "high_too_low",
            pl.col("high") < top,
            "high {high} is below open {open}, low {low} or close {close}",
        ),
        Rule("low_too_high", pl.col("low") > bottom, "low {low} is above open {open} or close {close}"),
        Rule("conflicting_versions", in_conflict, "several versions of {ticker} {session_date} disagree"),
    )


def inspect_bars(
    bars: pl.DataFrame,
    calendar: SessionCalendar,
    earlier: pl.DataFrame | None = None,
    actions: pl.DataFrame | None = None,
    *,
    version: str | None = None,
    further_rules: tuple[Rule, ...] = (),
) -> Inspected:
    """Sort delivered bars into believed and refused.

    Parameters
    ----------
    bars : polars.DataFrame
        ticker, session_date, open, high, low, close, volume (numeric) and any further columns, in any
        order; nulls allowed everywhere.
    calendar : SessionCalendar
        Sessions of the exchange.
    earlier : polars.DataFrame, optional
        Accepted bars of sessions before these (ticker, session_date, close); the last one per ticker
        within 30 days is what a change of unit is measured against. Without it the first bar of each
        ticker is not measured.
    actions : polars.DataFrame, optional
        Known splits (ticker, ex_date, kind, split_ratio): a jump that a split explains is none.
    version : str, optional
        Column that tells deliveries apart: versions of one bar disagree only within one of them, and a
        close is measured against the one that was said before it.
    further_rules : tuple of Rule
        Rules of one row that come before `bar_rules`.

    Returns
    -------
    Inspected
        Disagreeing versions of one ticker and session are all refused: nothing says which is right.

    Notes
    -----
    The verdict on session S uses rows of S and accepted closes before S, so inspecting a range gives the
    same rows as inspecting its sessions one after another. A close between 80 and 125 times the last
    accepted one, or as far below it, is a change of unit (pence for pounds); the reference expires after
    30 days, so that a ticker taken over by another security is not refused forever.
    """
    unique = bars.unique(maintain_order=True)
    numbered = unique.with_columns(
        *(pl.col(name).cast(pl.Float64) for name in _VALUES), pl.int_range(pl.len()).alias(ROW_COLUMN)
    )
    rules = (*further_rules, *bar_rules(calendar.sessions, version))
    broken = first_broken(numbered, rules, _TYPES)
    is_refused = pl.col(ROW_COLUMN).is_in(broken["row"].cast(pl.Int64).implode())
    candidates = (numbered.filter(~is_refused) if broken.height else numbered).sort(
        ["ticker", "session_date", *([version] if version else [])]
    )
    switched = find_unit_switches(candidates, earlier, actions, version)
    refused = _describe(broken, unique, rules) + _describe_switches(candidates, unique, switched)
    accepted = candidates.filter(~pl.col(ROW_COLUMN).is_in(list(switched))).drop(ROW_COLUMN)
    accepted = accepted.with_columns(pl.col("volume").cast(pl.Int64))
    return Inspected(accepted, rejected_frame(refused), bars.height - unique.height)


def _describe(broken: pl.DataFrame, unique: pl.DataFrame, rules: tuple[Rule, ...]) -> list[dict[str, Any]]:
    described = []
    for row_number, place in broken.iter_rows():
        row = unique.row(row_number, named=True)
        rule = rules[place]
        described.append(refusal(row, rule.reason_code, rule.text.format(**row)))
    return described


def _describe_switches(
    candidates: pl.DataFrame, unique: pl.DataFrame, switched: dict[int, float]
) -> list[dict[str, Any]]:
    described = []
    for row_number in candidates.filter(pl.col(ROW_COLUMN).is_in(list(switched))).get_column(ROW_COLUMN):
        row = unique.row(row_number, named=True)
        text = (
            f"close {row['close']} is about 100 times away from the last accepted close "
            f"{switched[row_number]}: a change of unit"
        )
        described.append(refusal(row, "unit_switch", text))
    return described


def refusal(
    row: dict[str, Any], reason_code: str, reason: str, session_date: date | None = None
) -> dict[str, Any]:
    """A row of ``Inspected.rejected``; ``session_date`` where the row has no column of that name."""
    payload = json.dumps({name: _plain(value) for name, value in row.items()}, sort_keys=True)
    place = {"ticker": row["ticker"], "session_date": row.get("session_date", session_date)}
    return {"reason_code": reason_code, "reason": reason, "payload": payload, **place}


def _plain(value: object) -> object:
    """A JSON value: numbers, text, booleans and null as they are, the rest as text."""
    is_plain = (
        value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))
    )
    return value if is_plain else str(value)


def rejected_frame(refused: list[dict[str, Any]]) -> pl.DataFrame:
    """Refusals as ``Inspected.rejected``."""
    schema = {
        "reason_code": pl.String,
        "reason": pl.String,
        "payload": pl.String,
        "ticker": pl.String,
        "session_date": pl.Date,
    }
    return pl.DataFrame(refused, schema=schema).sort("ticker", "session_date", "reason_code", "payload")
