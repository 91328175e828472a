"""Feature vectors, and what must be known about the window that ends at each of them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nextgen_assets.domain.features import Block, Feature, FeatureSet
from nextgen_assets.domain.grid import Index, Values
from nextgen_assets.domain.prices import Panel
from nextgen_assets.domain.provenance import DIGEST_BYTES, NEVER_US, RawVersions
from nextgen_assets.domain.sessions import SessionCalendar

Vectors = NDArray[np.float32]

_MOMENT = pl.Datetime("us", "UTC")
_COLUMNS = (
    "ticker",
    "session_date",
    "feature_set_id",
    "window_id",
    "values",
    "first_session_date",
    "first_raw_session_date",
    "lookback_sessions",
    "feature_count",
    "missing_sessions",
    "is_complete",
    "provenance_hash",
    "as_of",
    "inputs_known_until",
)


class LookAheadError(ValueError):
    """A raw row was learned after the cut-off of a session that would read it."""


def required_history(features: Sequence[Feature], lookback_sessions: int) -> int:
    """Sessions of raw bars before the first session of a pass: its windows read no further back.

    The window reaches ``lookback_sessions - 1`` sessions back, its first vector the largest lookback of
    the features further, and the return of that row one close more.
    """
    return lookback_sessions - 1 + max(feature.lookback_sessions for feature in features) + 1


def feature_vectors(panel: Panel, features: Sequence[Feature], first: int = 0) -> Vectors:
    """Compute the features of every session and ticker.

    Parameters
    ----------
    panel : Panel
        Today and the history.
    features : sequence of Feature
        In the order of the vector.
    first : int
        Rows before it are history only: they get no vector.

    Returns
    -------
    ndarray (n_sessions - first, n_tickers, n_features), float32
        Rows from ``first`` on, in the order of ``features``; NaN where a value cannot be known. Computed in
        float64, rounded once.

    Raises
    ------
    ValueError
        If a feature gives an infinite number or another shape: repair its ``compute``.

    Notes
    -----
    The vector of session S reads rows up to S only, so removing the future changes no bit of it.
    """
    shape = (len(panel.sessions) - first, len(panel.tickers), len(features))
    vectors = np.empty(shape, dtype=np.float32)
    together: dict[Block, list[int]] = defaultdict(list)
    for column, feature in enumerate(features):
        if feature.block is None:
            vectors[:, :, column] = _checked(feature, panel)[first:]
        else:
            together[feature.block].append(column)
    for block, columns in together.items():
        block.fill(panel, [features[column].name for column in columns], columns, vectors, first)
    return vectors


def _checked(feature: Feature, panel: Panel) -> Values:
    values, shape = feature.compute(panel), (len(panel.sessions), len(panel.tickers))
    if values.shape != shape:
        raise ValueError(f"feature {feature.name} gave the shape {values.shape}, expected {shape}")
    infinite = np.isinf(values)
    if infinite.any():
        row, column = (int(index) for index in np.argwhere(infinite)[0])
        raise ValueError(
            f"feature {feature.name} is infinite for {int(infinite.sum())} cells, first "
            f"{panel.tickers[column]} {panel.sessions[row]}; it must give NaN where it has no value"
        )
    return values


def window_rows(
    panel: Panel,
    vectors: Vectors,
    versions: RawVersions,
    *,
    feature_set: FeatureSet,
    calendar: SessionCalendar,
    delay_minutes: int,
    first: date,
    last: date,
) -> pl.DataFrame:
    """Rows of ``feature_windows`` for the sessions from ``first`` to ``last``.

    Parameters
    ----------
    panel : Panel
        Consecutive sessions from ``required_history`` sessions before ``first``, at the latest.
    vectors : ndarray (n_rows, n_tickers, n_features)
        From :func:`feature_vectors` with the features of ``feature_set``: the last rows of the panel, from
        ``lookback_sessions - 1`` before ``first`` at the latest.
    versions : RawVersions
        From ``row_digests`` on the same panel.
    feature_set : FeatureSet
        Names of the vector and sessions of the window.
    calendar, delay_minutes
        Give the cut-off of each session.
    first, last : date
        Sessions, both included.

    Returns
    -------
    DataFrame
        The columns of ``feature_windows`` but ``run_id``; one row per ticker that has a bar on the session,
        sorted by ticker and session.

    Raises
    ------
    ValueError
        If the panel is too short, leaves out a session, or ``vectors`` does not fit it.
    LookAheadError
        If a row would read something learned after its cut-off: pass only versions known by then.
    """
    lookback = feature_set.lookback_sessions
    span = required_history(feature_set.features, lookback)
    rows = _rows_with_history(panel, span, calendar, first, last)
    _refuse_misfit(panel, vectors, feature_set, calendar, first)
    order = np.argsort(np.array(panel.tickers))
    ticker_rank, offset = np.nonzero(panel.has_bar[rows].T[order])
    ticker_index, session_index = order[ticker_rank], offset + rows.start
    skipped = len(panel.sessions) - len(vectors)
    missing = _missing_sessions(panel, vectors, lookback, rows)[ticker_index, offset]
    known_until = _newest_known_at(versions.known_at_us, span, rows)[ticker_index, offset]
    market = b""
    if feature_set.scope == "market":
        digests, known_at_us = versions.of_market(panel)
        market = digests.tobytes()
        known_until = np.maximum(
            known_until, _newest_known_at(known_at_us[np.newaxis], span, rows)[0, offset]
        )
    cutoffs = pl.Series([calendar.cutoff(day, delay_minutes) for day in panel.sessions[rows]], dtype=_MOMENT)
    sessions = pl.Series(panel.sessions, dtype=pl.Date)
    frame = pl.DataFrame(
        {
            "ticker": pl.Series(panel.tickers, dtype=pl.String).gather(ticker_index),
            "session_date": sessions.gather(session_index),
            "values": _lists(vectors[session_index - skipped, ticker_index]),
            "first_session_date": sessions.gather(session_index - lookback + 1),
            "first_raw_session_date": sessions.gather(session_index - span),
            "missing_sessions": pl.Series(missing, dtype=pl.Int32),
            "is_complete": pl.Series(missing == 0, dtype=pl.Boolean),
            "provenance_hash": _provenance(versions, market, span, session_index, ticker_index),
            "as_of": cutoffs.gather(offset),
            "inputs_known_until": pl.Series(known_until, dtype=pl.Int64).cast(_MOMENT),
        }
    ).with_columns(
        feature_set_id=pl.lit(feature_set.feature_set_id),
        lookback_sessions=pl.lit(lookback, pl.Int32),
        feature_count=pl.lit(len(feature_set.features), pl.Int32),
    )
    _refuse_look_ahead(frame)
    return frame.with_columns(_window_ids(frame)).select(_COLUMNS)


def _rows_with_history(panel: Panel, span: int, calendar: SessionCalendar, first: date, last: date) -> slice:
    rows = slice(panel.index(first), panel.index(last) + 1)
    if rows.start < span:
        needed = calendar.shift(first, -span)
        raise ValueError(
            f"windows from {first} read raw rows since {needed}, the panel starts at {panel.sessions[0]}; "
            f"build it from {needed} ({span} sessions of history)"
        )
    return rows


def _refuse_misfit(
    panel: Panel, vectors: Vectors, feature_set: FeatureSet, calendar: SessionCalendar, first: date
) -> None:
    needed = len(panel.sessions) - panel.index(first) + feature_set.lookback_sessions - 1
    expected = (len(panel.tickers), len(feature_set.features))
    if vectors.shape[1:] != expected or not needed <= len(vectors) <= len(panel.sessions):
        raise ValueError(
            f"vectors have the shape {vectors.shape}, expected ({needed} to {len(panel.sessions)}, "
            f"{expected[0]}, {expected[1]}) of panel and feature set"
        )
    consecutive = calendar.between(panel.sessions[0], panel.sessions[-1])
    if list(panel.sessions) != consecutive:
        raise ValueError(
            f"the panel has {len(panel.sessions)} sessions, the calendar {len(consecutive)} between "
            f"{panel.sessions[0]} and {panel.sessions[-1]}; a panel must hold every session of its range"
        )


def _missing_sessions(panel: Panel, vectors: Vectors, lookback: int, rows: slice) -> Index:
    skipped = len(panel.sessions) - len(vectors)
    unusable = (~panel.has_bar[skipped:] | np.isnan(vectors).any(axis=2)).T
    count = np.zeros((len(panel.tickers), rows.stop - rows.start), dtype=np.int64)
    for back in range(lookback):
        count += unusable[:, rows.start - skipped - back : rows.stop - skipped - back]
    return count


def _newest_known_at(known_at_us: Index, span: int, rows: slice) -> Index:
    newest = np.full((len(known_at_us), rows.stop - rows.start), NEVER_US, dtype=np.int64)
    for back in range(span + 1):
        np.maximum(newest, known_at_us[:, rows.start - back : rows.stop - back], out=newest)
    return newest


def _provenance(
    versions: RawVersions, market: bytes, span: int, session_index: Index, ticker_index: Index
) -> pl.Series:
    """Hash of the cell digests of the ticker over the span, then (if any) those of the whole market over it."""
    n_sessions = versions.digests.shape[1]
    raw, size, blake2b = memoryview(versions.digests.tobytes()), (span + 1) * DIGEST_BYTES, hashlib.blake2b
    first = session_index - span
    own = ((ticker_index * n_sessions + first) * DIGEST_BYTES).tolist()
    shared = (first * DIGEST_BYTES).tolist()
    hashes = []
    for start, market_start in zip(own, shared, strict=True):
        hashed = blake2b(raw[start : start + size], digest_size=DIGEST_BYTES)
        hashed.update(market[market_start : market_start + size])
        hashes.append(hashed.hexdigest())
    return pl.Series(hashes, dtype=pl.String)


def _window_ids(frame: pl.DataFrame) -> pl.Series:
    key = pl.concat_str(
        "ticker",
        pl.col("session_date").dt.to_string("iso"),
        "feature_set_id",
        "provenance_hash",
        separator="|",
    )
    blake2b = hashlib.blake2b
    ids = [
        blake2b(text.encode(), digest_size=DIGEST_BYTES).hexdigest() for text in frame.select(key).to_series()
    ]
    return pl.Series("window_id", ids, dtype=pl.String)


def _lists(vectors: Vectors) -> pl.Series:
    flat = pl.Series(vectors.reshape(-1), dtype=pl.Float32).fill_nan(None)
    return flat.reshape((-1, vectors.shape[1])).arr.to_list()


def _refuse_look_ahead(frame: pl.DataFrame) -> None:
    late = frame.filter(pl.col("inputs_known_until") > pl.col("as_of"))
    if late.height:
        row = late.row(0, named=True)
        raise LookAheadError(
            f"feature_windows: {late.height} rows read raw rows learned after their cut-off, first "
            f"{row['ticker']} {row['session_date']} (known {row['inputs_known_until']}, cut-off "
            f"{row['as_of']}); read what was known by then, and split the pass where knowledge came late"
        )
