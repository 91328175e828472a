"""Which sessions' actions have been asked for, and so which actions came late.

The first answer about a session states what was known by its ex-dates, as far as anybody can tell: its
actions are assumed to have been known at the opening. An action that appears in a session which had been
asked for before was not known to us until now, and what was decided without it stays as it was.
"""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

from nextgen_assets.domain.sessions import SessionCalendar

COVERAGE_SCHEMA = {"ticker": pl.String(), "first_session": pl.Date(), "last_session": pl.Date()}


def stamp_late(actions: pl.DataFrame, covered: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """``known_at`` of actions, ``now`` and not assumed where their session had been asked for before.

    Parameters
    ----------
    actions : DataFrame
        Columns of ``corporate_actions`` without run_id.
    covered : DataFrame
        ticker, first_session, last_session: spans asked for by earlier runs; they may overlap.
    now : datetime
        Aware; when the actions were fetched.

    Returns
    -------
    DataFrame
        The rows and columns of ``actions``, in their order. (The write keeps the ``known_at`` of those that
        are stored already.)
    """
    placed = actions.with_row_index("_row")
    late = (
        placed.join(covered.select(list(COVERAGE_SCHEMA)), on="ticker")
        .filter(pl.col("ex_date").is_between("first_session", "last_session"))
        .get_column("_row")
        .unique()
    )
    is_late = pl.col("_row").is_in(late.implode()) & (pl.col("known_at") < now)
    return placed.with_columns(
        known_at=pl.when(is_late).then(pl.lit(now)).otherwise("known_at").cast(pl.Datetime("us", "UTC")),
        known_at_is_assumed=pl.col("known_at_is_assumed") & ~is_late,
    ).drop("_row")


def widened(
    covered: pl.DataFrame, tickers: list[str], first: date, last: date, calendar: SessionCalendar
) -> pl.DataFrame:
    """The spans that a run over the sessions ``first`` to ``last`` adds or makes longer.

    Parameters
    ----------
    covered : DataFrame
        Stored spans that touch the session before ``first`` up to ``last``.
    tickers : list of str
        What the run asked for.
    first, last : date
        Sessions.
    calendar : SessionCalendar
        Tells which span ends in the session before ``first``.

    Returns
    -------
    DataFrame
        ``COVERAGE_SCHEMA``, by ticker: nothing for a ticker whose span holds the run already; a span that
        reaches the session before ``first`` goes on, so running session by session leaves one row.
    """
    before = calendar.shift(first, -1)
    spans = {(ticker, begin): end for ticker, begin, end in covered.select(list(COVERAGE_SCHEMA)).iter_rows()}
    rows = []
    for ticker in sorted(set(tickers)):
        mine = [(begin, end) for (name, begin), end in spans.items() if name == ticker]
        if any(begin <= first and last <= end for begin, end in mine):
            continue
        joined = [begin for begin, end in mine if begin <= first and end >= before]
        rows.append((ticker, min(joined, default=first), last))
    return pl.DataFrame(rows, schema=COVERAGE_SCHEMA, orient="row")
