"""Along which lines a ledger of predictions is cut to look for weaknesses: one dimension, many slices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from nextgen_assets.domain.clustering import IntArray
from nextgen_assets.domain.regimes import REGIMES

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
MOODS = ("negative", "neutral", "positive")
"""Of the news of a ticker; a ticker without news has none."""
_NEUTRAL = 0.1
"""Distance of a sentiment from zero up to which it is neutral."""


@dataclass(frozen=True)
class Dimension:
    """A way to cut rows into slices that do not overlap.

    Attributes
    ----------
    kind : str
        What tells the slices apart, such as ticker.
    names, words : tuple of str
        Of each slice: its name, and how a sentence about predictions goes on.
    codes : array (n_rows,)
        Position of each row's slice in ``names``; -1 where it is in none.
    """

    kind: str
    names: tuple[str, ...]
    words: tuple[str, ...]
    codes: IntArray

    def scope(self, place: int) -> str:
        """kind:name of one slice."""
        return f"{self.kind}:{self.names[place]}"


def mood_of(sentiment: pl.Expr) -> pl.Expr:
    """One of ``MOODS`` for a sentiment between -1 and 1; null where there is none."""
    side = (
        pl.when(sentiment > _NEUTRAL)
        .then(pl.lit(MOODS[2]))
        .when(sentiment < -_NEUTRAL)
        .then(pl.lit(MOODS[0]))
    )
    return side.when(sentiment.is_not_null()).then(pl.lit(MOODS[1]))


def dimensions(rows: pl.DataFrame, confidence_edges: tuple[float, float] | None) -> Iterator[Dimension]:
    """Every dimension that the columns of ``rows`` allow, in a fixed order.

    Parameters
    ----------
    rows : frame
        ticker, session_date, volatility (of the forecast; may be null) and, where known, sector, regime, mood (str
        or null), has_news, has_action (bool) and probability_up.
    confidence_edges : tuple of float or None
        Distances of the probability from one half that part weak, moderate and strong; None: no such
        dimension.
    """
    yield _named(rows["ticker"], "ticker", "for {}")
    for kind, words in (("sector", "in the sector {}"), ("regime", "made in a {} market")):
        if kind in rows.columns:
            names = REGIMES if kind == "regime" else None
            yield _named(rows[kind], kind, words, names)
    weekday = rows["session_date"].dt.weekday().cast(pl.Int64).to_numpy() - 1
    yield Dimension("weekday", WEEKDAYS, tuple(f"made on a {name}" for name in WEEKDAYS), weekday)
    yield _volatility(rows["volatility"])
    if "has_news" in rows.columns:
        phrases = ("of tickers without news that session", "of tickers with news that session")
        yield Dimension("news", ("without", "with"), phrases, _flags(rows["has_news"]))
    if "has_action" in rows.columns:
        phrases = ("across no dividend or split", "across a dividend or split")
        yield Dimension("event", ("none", "action"), phrases, _flags(rows["has_action"]))
    if "mood" in rows.columns:
        yield _named(rows["mood"], "sentiment", "after {} news", MOODS)
    if confidence_edges is not None:
        yield _confidence(rows["probability_up"], confidence_edges)


def _named(column: pl.Series, kind: str, words: str, names: tuple[str, ...] | None = None) -> Dimension:
    """Slices by name; all that occur, in order, unless ``names`` says which there are."""
    known = names or tuple(column.drop_nulls().unique().sort().to_list())
    places = {name: place for place, name in enumerate(known)}
    codes = column.replace_strict(places, default=-1, return_dtype=pl.Int64).fill_null(-1) if places else None
    none = np.full(len(column), -1, dtype=np.int64)
    return Dimension(
        kind, known, tuple(words.format(name) for name in known), none if codes is None else codes.to_numpy()
    )


def _volatility(column: pl.Series) -> Dimension:
    """Thirds of the forecast volatility of these rows; equal values share a third."""
    values = column.cast(pl.Float64).fill_null(np.nan).to_numpy()
    ordered = np.sort(values[np.isfinite(values)])
    names = ("low", "middle", "high")
    words = tuple(f"in the {third} third of forecast volatility" for third in ("lowest", "middle", "highest"))
    if not ordered.size:
        return Dimension("volatility", names, words, np.full(values.size, -1, dtype=np.int64))
    low, high = ordered[(ordered.size - 1) // 3], ordered[2 * (ordered.size - 1) // 3]
    codes = (values > low).astype(np.int64) + (values > high)
    return Dimension("volatility", names, words, np.where(np.isfinite(values), codes, -1))


def _flags(column: pl.Series) -> IntArray:
    codes: IntArray = column.fill_null(False).cast(pl.Int64).to_numpy()
    return codes


def _confidence(probability: pl.Series, edges: tuple[float, float]) -> Dimension:
    distance = np.abs(probability.to_numpy() - 0.5)
    weak, strong = edges
    words = (
        f"within {weak} of one half",
        f"{weak} to {strong} from one half",
        f"{strong} or more from one half",
    )
    codes = (distance >= weak).astype(np.int64) + (distance >= strong)
    return Dimension("confidence", ("weak", "moderate", "strong"), words, codes)
