"""Which versions of the raw rows stand behind each session of a ticker."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nextgen_assets.domain.grid import Index
from nextgen_assets.domain.prices import Panel
from nextgen_assets.domain.sectors import span_cells
from nextgen_assets.domain.sessions import SessionCalendar

DIGEST_BYTES = 16
NEVER_US = np.iinfo(np.int64).min
"""``known_at`` of a cell without raw rows: earlier than any."""

_BAR_COLUMNS = ("open", "high", "low", "close", "volume", "known_at", "source")
_ACTION_COLUMNS = ("kind", "split_ratio", "cash_amount_usd", "new_ticker", "known_at", "source")
_ARTICLE_COLUMNS = ("article_id", "score", "known_at")


@dataclass(frozen=True, eq=False)
class RawVersions:
    """Digest and newest ``known_at`` of the raw rows of every ticker and session of a panel.

    Parameters
    ----------
    digests : ndarray (n_tickers, n_sessions, 16), uint8
        Zero where there is no raw row.
    known_at_us : ndarray (n_tickers, n_sessions), int64
        Microseconds since 1970 UTC over bars, actions and articles; ``NEVER_US`` where there is none.
    price_known_at_us : ndarray (n_tickers, n_sessions), int64
        The same over bars and actions only.
    """

    digests: NDArray[np.uint8]
    known_at_us: Index
    price_known_at_us: Index

    def of_market(self, panel: Panel) -> tuple[NDArray[np.uint8], Index]:
        """Digest and newest ``known_at`` of the raw rows of each session, over every ticker that has a bar.

        Returns
        -------
        digests : ndarray (n_sessions, 16), uint8
            BLAKE2b of ticker and cell digest of each, in the order of their names: tickers without a bar,
            which a longer pass may hold, change nothing.
        known_at_us : ndarray (n_sessions,), int64
        """
        order = np.argsort(np.array(panel.tickers))
        names = [panel.tickers[ticker].encode() for ticker in order.tolist()]
        cells, has_bar = self.digests[order], panel.has_bar.T[order]
        digests = np.zeros((len(panel.sessions), DIGEST_BYTES), dtype=np.uint8)
        for session in range(len(panel.sessions)):
            hashed = hashlib.blake2b(digest_size=DIGEST_BYTES)
            for ticker in np.flatnonzero(has_bar[:, session]).tolist():
                hashed.update(names[ticker] + b"|" + cells[ticker, session].tobytes())
            digests[session] = np.frombuffer(hashed.digest(), dtype=np.uint8)
        known = np.where(has_bar, self.known_at_us[order], NEVER_US).max(axis=0, initial=NEVER_US)
        return digests, known


def scored_articles(articles: pl.DataFrame, scores: pl.DataFrame) -> pl.DataFrame:
    """One row per article and ticker, as :func:`row_digests` reads them.

    Parameters
    ----------
    articles : DataFrame
        ``article_id, session_date, tickers, first_seen_at`` of ``news_articles``.
    scores : DataFrame
        ``article_id, ticker, score`` of one version of one scorer.

    Returns
    -------
    DataFrame
        ``ticker, session_date, article_id, score, known_at``; score is null where none was given.
        ``known_at`` is when the article was first seen: the clock of the scorer is not data.
    """
    exploded = articles.select(
        "article_id",
        "session_date",
        pl.col("tickers").alias("ticker"),
        pl.col("first_seen_at").alias("known_at"),
    ).explode("ticker")
    matched = exploded.join(
        scores.select("article_id", "ticker", "score"),
        on=["article_id", "ticker"],
        how="left",
        validate="m:1",
    )
    return matched.select("ticker", "session_date", *_ARTICLE_COLUMNS).sort(
        "ticker", "session_date", "article_id"
    )


def row_digests(
    bars: pl.DataFrame,
    actions: pl.DataFrame,
    articles: pl.DataFrame,
    panel: Panel,
    calendar: SessionCalendar,
    sectors: pl.DataFrame | None = None,
) -> RawVersions:
    """Digest the raw row versions of every ticker and session of ``panel``.

    The digest of a cell is the BLAKE2b hash of the lines of its rows, the bar first, then the others in
    the order of their text: ``bar|date|open|high|low|close|volume|source|known_at``,
    ``action|ex_date|kind|split_ratio|cash|new_ticker|source|known_at``,
    ``article|article_id|score|known_at`` and ``listing|valid_from|sector|source|known_at``, numbers
    as Python prints them, times in microseconds.

    Parameters
    ----------
    bars, actions : DataFrame
        Columns of ``market_prices`` and ``corporate_actions``, with ``source`` and ``known_at``.
    articles : DataFrame
        As :func:`scored_articles` gives them.
    panel : Panel
        The cells to fill.
    calendar : SessionCalendar
        Places an action whose ex-date is no session on the next session.
    sectors : DataFrame, optional
        From ``sector_spans``, where a feature reads the sector; a listing stands in every cell of its span.

    Raises
    ------
    ValueError
        If a column is missing, or a bar repeats or lies on no session.
    """
    n_sessions, n_tickers = len(panel.sessions), len(panel.tickers)
    keyed = ("ticker", "session_date", *_BAR_COLUMNS)
    inside, session_index, ticker_index = panel.grid.session_cells(bars, keyed, "market_prices")
    bar_cells = ticker_index * n_sessions + session_index
    action_cells, action_lines, action_known = _action_lines(actions, panel, calendar)
    article_cells, article_lines, article_known = _article_lines(articles, panel)

    extras: dict[int, list[str]] = defaultdict(list)
    for cells, lines in ((action_cells, action_lines), (article_cells, article_lines)):
        for cell, line in zip(cells.tolist(), lines, strict=True):
            extras[cell].append(line)
    listing_cells, listing_lines, listing_known = _listing_lines(sectors, panel)
    for cell, line in zip(listing_cells.tolist(), listing_lines, strict=True):
        extras[cell].append(line)
    digests = bytearray(n_tickers * n_sessions * DIGEST_BYTES)
    for cell, line in zip(bar_cells.tolist(), _bar_lines(inside), strict=True):
        text = "\n".join((line, *sorted(extras.pop(cell)))) if cell in extras else line
        _put(digests, cell, text)
    for cell, lines_left in extras.items():
        _put(digests, cell, "\n".join(sorted(lines_left)))

    price_known = np.full(n_tickers * n_sessions, NEVER_US, dtype=np.int64)
    price_known[bar_cells] = _microseconds(inside)
    np.maximum.at(price_known, action_cells, action_known)
    known = price_known.copy()
    np.maximum.at(known, article_cells, article_known)
    np.maximum.at(known, listing_cells, listing_known)
    shape = (n_tickers, n_sessions)
    by_cell = np.frombuffer(bytes(digests), dtype=np.uint8).reshape(*shape, DIGEST_BYTES)
    return RawVersions(by_cell, known.reshape(shape), price_known.reshape(shape))


def _bar_lines(bars: pl.DataFrame) -> Iterable[str]:
    columns = [bars[name].to_list() for name in _BAR_COLUMNS if name != "known_at"]
    days = bars["session_date"].dt.to_string("iso").to_list()
    for day, start, high, low, close, volume, source, known in zip(
        days, *columns, _microseconds(bars).tolist(), strict=True
    ):
        yield f"bar|{day}|{start!r}|{high!r}|{low!r}|{close!r}|{volume}|{source}|{known}"


def _action_lines(
    actions: pl.DataFrame, panel: Panel, calendar: SessionCalendar
) -> tuple[Index, list[str], Index]:
    due = actions.filter(pl.col("ex_date") <= panel.sessions[-1])
    takes_effect = {day: calendar.on_or_after(day) for day in due["ex_date"].unique()}
    effective = pl.Series("session_date", [takes_effect[day] for day in due["ex_date"]], dtype=pl.Date)
    keyed = ("ticker", "ex_date", *_ACTION_COLUMNS)
    inside, session_index, ticker_index = panel.grid.cells(
        due.with_columns(effective), "session_date", keyed, "corporate_actions"
    )
    known = _microseconds(inside)
    lines = [
        f"action|{row['ex_date']}|{row['kind']}|{row['split_ratio']!r}|{row['cash_amount_usd']!r}|"
        f"{row['new_ticker']}|{row['source']}|{known_us}"
        for row, known_us in zip(inside.iter_rows(named=True), known.tolist(), strict=True)
    ]
    return ticker_index * len(panel.sessions) + session_index, lines, known


def _article_lines(articles: pl.DataFrame, panel: Panel) -> tuple[Index, list[str], Index]:
    keyed = ("ticker", "session_date", *_ARTICLE_COLUMNS)
    inside, session_index, ticker_index = panel.grid.cells(articles, "session_date", keyed, "news_articles")
    known = _microseconds(inside)
    rows = zip(inside["article_id"].to_list(), inside["score"].to_list(), known.tolist(), strict=True)
    lines = [f"article|{article_id}|{score!r}|{known_us}" for article_id, score, known_us in rows]
    return ticker_index * len(panel.sessions) + session_index, lines, known


def _listing_lines(sectors: pl.DataFrame | None, panel: Panel) -> tuple[Index, list[str], Index]:
    if sectors is None or sectors.is_empty():
        return np.empty(0, np.int64), [], np.empty(0, np.int64)
    known = _microseconds(sectors).tolist()
    cells: list[int] = []
    lines: list[str] = []
    moments: list[int] = []
    numbered = sectors.with_columns(known_us=pl.Series(known, dtype=pl.Int64))
    for rows, ticker, span in span_cells(numbered, panel.grid):
        count = rows.stop - rows.start
        first = ticker * len(panel.sessions) + rows.start
        cells += range(first, first + count)
        text = f"listing|{span['valid_from']}|{span['sector']}|{span['source']}|{span['known_us']}"
        lines += [text] * count
        moments += [int(str(span["known_us"]))] * count
    return np.array(cells, dtype=np.int64), lines, np.array(moments, dtype=np.int64)


def _microseconds(frame: pl.DataFrame) -> Index:
    return frame["known_at"].cast(pl.Datetime("us", "UTC")).to_physical().to_numpy()


def _put(digests: bytearray, cell: int, text: str) -> None:
    digest = hashlib.blake2b(text.encode(), digest_size=DIGEST_BYTES).digest()
    digests[cell * DIGEST_BYTES : (cell + 1) * DIGEST_BYTES] = digest
