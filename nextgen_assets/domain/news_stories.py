"""Stories: articles about one security that say the same in nearly the same words are one story."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np
import polars as pl

from nextgen_assets.domain.sessions import SessionCalendar

DEFAULT_SIMILARITY = 0.8
MENTION_SCHEMA: Mapping[str, pl.DataType] = {
    "article_id": pl.String(),
    "ticker": pl.String(),
    "session_date": pl.Date(),
    "published_at": pl.Datetime("us", "UTC"),
    "headline": pl.String(),
    "story_id": pl.String(),
    "story_session_date": pl.Date(),
}
"""A security named by an article, with its story; ``session_date`` is the session that learns of it."""

_BANDS, _ROWS = 12, 3
_WIRE_PREFIX = (
    r"^(?:update\s*\d*|wrapup\s*\d*|refile|correct(?:ed|ion)|brief|exclusive|breaking|alert)\s*[-:]\s*"
)
_OUTLET = r"\s+[-|\u2013\u2014]\s+[\p{L}\p{N}.&' ]{2,30}$"
_WORD = r"[\p{L}\p{N}]+(?:[.,]\p{N}+)*"
_FIGURE = r"^\p{N}"


def with_stories(
    mentions: pl.DataFrame,
    known: pl.DataFrame,
    calendar: SessionCalendar,
    window_sessions: int,
    similarity: float = DEFAULT_SIMILARITY,
) -> pl.DataFrame:
    """``mentions`` with the story that each belongs to.

    Parameters
    ----------
    mentions : polars.DataFrame
        article_id, ticker, session_date, published_at, headline; further columns are kept.
    known : polars.DataFrame
        Columns of `MENTION_SCHEMA`: stored mentions of these sessions and the window before the first.
    window_sessions : int
        Sessions after which the same words are a new story.
    similarity : float
        Least share of words and pairs of words (Jaccard) that two headlines have in common, 0 to 1.

    Returns
    -------
    polars.DataFrame
        ``mentions`` sorted by session_date, published_at, article_id, ticker, with ``story_id`` (the article
        that first told it of this ticker) and ``story_session_date`` (the session it was first told in).

    Notes
    -----
    Two headlines with different figures are two stories, however alike ("profit up 5%", "profit up 6%");
    the marks of a wire ("UPDATE 1-") and the name of an outlet at the end do not count.
    Candidates are found by MinHash with banding (Broder 1997; Leskovec, Rajaraman and Ullman, Mining of
    Massive Datasets, ch. 3): two headlines of similarity 0.8 meet in one of 12 bands of 3 rows with
    probability 1 - (1 - 0.8^3)^12 = 0.9998; then the exact similarity decides. Each is compared with the
    one before it in each band, so that a thousand copies cost a thousand comparisons.

    What a mention belongs to rests on earlier mentions of the same ticker alone: no article changes the
    stories of another security, and a range gives the rows of its sessions.
    """
    columns = list(MENTION_SCHEMA)
    order = ["session_date", "is_new", "published_at", "article_id", "ticker"]
    old = known.select(columns).with_columns(is_new=pl.lit(False))
    new = mentions.with_columns(
        is_new=pl.lit(True), story_id=pl.col("article_id"), story_session_date=pl.col("session_date")
    )
    every = pl.concat([old, new.select(*columns, "is_new")]).sort(order)
    links = _links(every, calendar, window_sessions, similarity)
    story, told = every["story_id"].to_list(), every["story_session_date"].to_list()
    is_new = every["is_new"].to_list()
    for later, earlier in links:  # ascending: the story of the earlier one is settled
        if is_new[later]:
            story[later], told[later] = story[earlier], told[earlier]
    settled = every.with_columns(
        story_id=pl.Series(story, dtype=pl.String), story_session_date=pl.Series(told, dtype=pl.Date)
    ).filter("is_new")
    return mentions.join(
        settled.select("article_id", "ticker", "story_id", "story_session_date"), on=["article_id", "ticker"]
    ).sort("session_date", "published_at", "article_id", "ticker")


def _links(
    mentions: pl.DataFrame, calendar: SessionCalendar, window_sessions: int, similarity: float
) -> list[tuple[int, int]]:
    """(later, earlier) positions of near-duplicates of one ticker, each later one once, ascending."""
    if mentions.height < 2:
        return []
    shingles = _shingles(mentions["headline"])
    signatures = _signatures(shingles, mentions.height)
    pairs = _candidates(mentions["ticker"], signatures)
    days = mentions["session_date"]
    index = days.replace_strict({day: calendar.index(day) for day in days.unique()}, return_dtype=pl.Int64)
    at = index.to_numpy()
    later, earlier = pairs[:, 0], pairs[:, 1]
    pairs = pairs[at[later] - at[earlier] <= window_sessions]
    if not len(pairs):
        return []
    alike = _jaccard(shingles, pairs) >= similarity
    found = pl.DataFrame({"later": pairs[alike, 0], "earlier": pairs[alike, 1]})
    first = found.group_by("later").agg(pl.col("earlier").min()).sort("later")
    return [(int(later), int(earlier)) for later, earlier in first.iter_rows()]


def _shingles(headlines: pl.Series) -> pl.DataFrame:
    """Words and pairs of words as 64-bit numbers, each once: row, shingle, is_figure."""
    plain = (
        pl.col("headline")
        .str.normalize("NFKC")
        .str.to_lowercase()
        .str.replace(_WIRE_PREFIX, "")
        .str.replace(_OUTLET, "")
    )
    words = (
        pl.DataFrame({"headline": headlines})
        .select(word=plain.str.extract_all(_WORD))
        .with_row_index("row")
        .explode("word")
        .drop_nulls("word")
    )
    vocabulary = words["word"].unique()
    codes = {word: zlib.crc32(word.encode()) for word in vocabulary.to_list()}
    code = words["word"].replace_strict(codes, return_dtype=pl.UInt32).to_numpy().astype(np.uint64)
    row = words["row"].to_numpy()
    is_pair = np.append(row[1:] == row[:-1], False) if len(row) else np.empty(0, bool)
    pairs = (code << np.uint64(32)) | np.append(code[1:], np.uint64(0)) if len(code) else code
    is_figure = words["word"].str.contains(_FIGURE).to_numpy()
    return (
        pl.concat(
            [
                pl.DataFrame({"row": row, "shingle": code, "is_figure": is_figure}),
                pl.DataFrame({"row": row[is_pair], "shingle": pairs[is_pair]}).with_columns(
                    is_figure=pl.lit(False)
                ),
            ]
        )
        .unique(["row", "shingle"])
        .sort("row", "shingle")
    )


def _signatures(shingles: pl.DataFrame, n_rows: int) -> np.ndarray:
    """MinHash of every headline, (n_rows, bands * rows); headlines without words get one of their own."""
    n_hashes = _BANDS * _ROWS
    rng = np.random.default_rng(20_261_125)
    factors = rng.integers(1, 2**63, n_hashes, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    offsets = rng.integers(0, 2**63, n_hashes, dtype=np.uint64)
    row, value = shingles["row"].to_numpy(), shingles["shingle"].to_numpy()
    starts = np.flatnonzero(np.append(True, row[1:] != row[:-1])) if len(row) else np.empty(0, np.int64)
    signatures = np.arange(n_rows, dtype=np.uint64)[:, None].repeat(n_hashes, axis=1)
    mixed = value ^ (value >> np.uint64(31))
    for number in range(n_hashes):
        hashed = mixed * factors[number] + offsets[number]
        hashed ^= hashed >> np.uint64(29)
        if len(starts):
            signatures[row[starts], number] = np.minimum.reduceat(hashed, starts)
    return signatures


def _candidates(tickers: pl.Series, signatures: np.ndarray) -> np.ndarray:
    """(later, earlier) neighbours in a band of one ticker, each pair once, shape (n_pairs, 2)."""
    found = []
    position = pl.int_range(0, len(tickers), eager=True)
    for band in range(_BANDS):
        part = signatures[:, band * _ROWS : (band + 1) * _ROWS]
        frame = pl.DataFrame(
            {"ticker": tickers, "later": position, **{f"h{n}": part[:, n] for n in range(_ROWS)}}
        )
        bucket = ["ticker", *(f"h{n}" for n in range(_ROWS))]
        found.append(
            frame.with_columns(earlier=pl.col("later").shift(1).over(bucket))
            .drop_nulls("earlier")
            .select("later", "earlier")
        )
    return pl.concat(found).unique().sort("later", "earlier").to_numpy()


def _jaccard(shingles: pl.DataFrame, pairs: np.ndarray) -> np.ndarray:
    """Exact similarity of each pair; 0 where their figures differ."""
    numbered = pl.DataFrame({"later": pairs[:, 0], "earlier": pairs[:, 1]}).with_row_index("pair")
    keyed = shingles.with_columns(pl.col("row").cast(pl.Int64))
    left = numbered.join(keyed, left_on="later", right_on="row").select("pair", "shingle", "is_figure")
    right = numbered.join(keyed, left_on="earlier", right_on="row").select("pair", "shingle", "is_figure")
    both = left.join(right, on=["pair", "shingle"], how="full", coalesce=True)
    is_common = pl.col("is_figure").is_not_null() & pl.col("is_figure_right").is_not_null()
    is_figure = pl.coalesce("is_figure", "is_figure_right")
    measured = both.group_by("pair").agg(
        share=is_common.mean(), has_other_figure=(is_figure & ~is_common).any()
    )
    shares = numbered.join(measured, on="pair", how="left").sort("pair")
    return shares.select(
        pl.when("has_other_figure").then(0.0).otherwise(pl.col("share").fill_null(0.0)).alias("share")
    )["share"].to_numpy()
