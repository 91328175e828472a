"""One article of its copies: the same page or the same words, from any source, in any run."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import defaultdict, deque

import polars as pl

from nextgen_assets.domain.sessions import SessionCalendar

_HASH_BYTES = 16
_INVISIBLE = frozenset({"Cf", "Cc"})
ORDER = (
    "session_date",
    "published_at",
    "source",
    "canonical_url",
    "content_hash",
    "headline",
    "body",
    "language",
)
"""Columns by which copies are ordered: the first of an article gives its words, time and source."""

KNOWN_COPY_SCHEMA = {
    "copy_id": pl.String(),
    "article_id": pl.String(),
    "session_date": pl.Date(),
    "canonical_url": pl.String(),
    "content_hash": pl.String(),
}


def content_hashes(headlines: pl.Series, bodies: pl.Series) -> pl.Series:
    """Hash of headline and body; letter case, width, white space and invisible characters do not matter."""
    hashes = [
        _hash(f"{_normalised(headline)}\n{_normalised(body or '')}")
        for headline, body in zip(headlines.to_list(), bodies.to_list(), strict=True)
    ]
    return pl.Series("content_hash", hashes, dtype=pl.String)


def article_ids(published_sessions: pl.Series, hashes: pl.Series) -> pl.Series:
    """Identity of an article: its content and the session it was published for, not that of first sight."""
    return pl.Series(
        "article_id",
        [
            _hash(f"{session.isoformat()}\n{content}")
            for session, content in zip(published_sessions.to_list(), hashes.to_list(), strict=True)
        ],
        dtype=pl.String,
    )


def copy_ids(rows: pl.DataFrame) -> pl.Series:
    """Identity of a copy: source, page, content and session of publication."""
    columns = ("source", "canonical_url", "content_hash", "published_session")
    return pl.Series(
        "copy_id",
        [
            _hash(f"{source}\n{url or ''}\n{content}\n{session}")
            for source, url, content, session in rows.select(columns).iter_rows()
        ],
        dtype=pl.String,
    )


def with_article_ids(
    rows: pl.DataFrame, known: pl.DataFrame, calendar: SessionCalendar, window_sessions: int
) -> pl.DataFrame:
    """Each copy that is not stored yet, with the article it belongs to.

    Parameters
    ----------
    rows : polars.DataFrame
        Columns `ORDER`, copy_id and article_id: the identity that the row has when nothing owns it.
    known : polars.DataFrame
        Columns of `KNOWN_COPY_SCHEMA`, in the order of storage: stored copies of the sessions of ``rows``
        and of the ``window_sessions`` before the first of them.

    Returns
    -------
    polars.DataFrame
        ``rows`` in `ORDER`, without those whose copy_id is known or came earlier, article_id replaced
        by that of the article they are copies of.

    Notes
    -----
    A copy belongs to the article that first had its content hash within the window, else to the one that
    first had its canonical address. What a session decides rests on earlier rows alone, so a range
    gives the rows of its sessions one by one; sessions are to be run in their order. Beyond the window
    the same words are news again.
    """
    fresh = (
        rows.sort(*ORDER, nulls_last=False)
        .unique("copy_id", keep="first", maintain_order=True)
        .join(known.select("copy_id"), on="copy_id", how="anti", maintain_order="left")
    )
    columns = ("session_date", "canonical_url", "content_hash", "article_id")
    stored = [(*row, False) for row in known.select(columns).iter_rows()]
    arriving = [(*row, True) for row in fresh.select(columns).iter_rows()]
    timeline = sorted([*stored, *arriving], key=lambda row: (row[0], row[-1]))  # stable: stored ones first
    index = {day: calendar.index(day) for day in {row[0] for row in timeline}}
    owners: defaultdict[str, deque[tuple[int, str]]] = defaultdict(deque)
    given = []
    for session, url, content, own_id, is_new in timeline:
        at = index[session]
        keys = [key for key in (content, url) if key is not None]
        article = own_id
        if is_new:
            article = next(filter(None, (_owner(owners[key], at - window_sessions) for key in keys)), own_id)
            given.append(article)
        for key in keys:
            owners[key].append((at, article))
    return fresh.with_columns(pl.Series("article_id", given, dtype=pl.String))


def _owner(entries: deque[tuple[int, str]], oldest: int) -> str | None:
    while entries and entries[0][0] < oldest:
        entries.popleft()
    return entries[0][1] if entries else None


def _normalised(text: str) -> str:
    if text.isascii():
        return " ".join(text.lower().split())
    folded = unicodedata.normalize("NFKC", text).casefold()
    visible = "".join(
        letter for letter in folded if letter.isspace() or unicodedata.category(letter) not in _INVISIBLE
    )
    return " ".join(visible.split())


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_HASH_BYTES).hexdigest()
