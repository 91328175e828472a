"""Which windows may train a model at a cut-off, and which of them validate it: purged and embargoed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]


class TooLittleDataError(ValueError):
    """The past before a cut-off holds too few sessions or windows to train on."""


@dataclass(frozen=True)
class SplitConfig:
    """How the past before a cut-off is divided; everything in sessions of the exchange.

    Parameters
    ----------
    horizon_sessions : int
        The label of session S ends at S + horizon.
    train_sessions : int
        Windows come from this many sessions up to the last one whose label had ended.
    embargo_sessions : int
        Sessions between the end of the last label and the cut-off, and between the parts.
    maximum_windows : int or None
        Of more windows, every k-th session of each ticker is taken, so that a large universe trains in the
        time of a small one; the labels of neighbouring sessions overlap and say little new. None: all.
    validation_fraction : float
        Share of the sessions, the newest, that validates.
    minimum_fit_sessions, minimum_validation_sessions : int
        Fewer is an error, not a model.
    """

    horizon_sessions: int = 5
    train_sessions: int = 750
    embargo_sessions: int = 1
    validation_fraction: float = 0.15
    minimum_fit_sessions: int = 120
    minimum_validation_sessions: int = 20
    maximum_windows: int | None = None

    def __post_init__(self) -> None:
        if self.horizon_sessions < 1 or self.embargo_sessions < 0 or self.train_sessions < 1:
            raise ValueError(
                f"horizon_sessions={self.horizon_sessions}, embargo_sessions={self.embargo_sessions}, "
                f"train_sessions={self.train_sessions}: expected at least 1, 0 and 1"
            )
        if not 0.0 < self.validation_fraction < 1.0:
            raise ValueError(f"validation_fraction={self.validation_fraction}, expected between 0 and 1")
        if self.maximum_windows is not None and self.maximum_windows < 1:
            raise ValueError(f"maximum_windows={self.maximum_windows}, expected at least 1, or None for all")


@dataclass(frozen=True)
class TimeSplit:
    """Positions of the fitting and of the validation windows, each in their given order."""

    fit: Indices
    validation: Indices


def rows_before_cutoff(
    session_index: Indices, is_usable: npt.NDArray[np.bool_], cutoff_index: int, config: SplitConfig
) -> Indices:
    """Positions of the windows that a model of this cut-off may see, labels included.

    Parameters
    ----------
    session_index : ndarray of int64, shape (n_windows,)
        Calendar position of each window's session, in any order.
    is_usable : ndarray of bool, shape (n_windows,)
        Complete window with known label and volatility.
    cutoff_index : int
        Calendar position of the last session whose data may be seen.
    config : SplitConfig
        Lengths.

    Returns
    -------
    ndarray of int64
        Ascending positions; may be empty.

    Notes
    -----
    As-of rule: ``session + horizon + embargo <= cutoff``, so that every label had ended
    ``embargo_sessions`` before the cut-off. Deleting all later rows changes nothing.
    """
    newest = cutoff_index - config.horizon_sessions - config.embargo_sessions
    oldest = newest - config.train_sessions + 1
    return np.flatnonzero(is_usable & (session_index >= oldest) & (session_index <= newest)).astype(np.int64)


def thinned(
    rows: Indices, session_index: Indices, ticker_phase: Indices, maximum_windows: int | None
) -> Indices:
    """Every k-th session of each ticker, with the smallest k that should leave ``maximum_windows``.

    Parameters
    ----------
    rows : ndarray of int64
        Positions of the windows to choose from.
    session_index, ticker_phase : ndarray of int64, shape (n_windows,)
        Calendar position of each window's session; a number of its ticker (:func:`ticker_phase`).
    maximum_windows : int or None
        About as many are kept; None keeps all.

    Notes
    -----
    The phase of a ticker depends on its name alone, so that neither other tickers nor the range of the run
    move the choice, and each session keeps about the same share of the universe.
    """
    if maximum_windows is None or rows.size <= maximum_windows:
        return rows
    step = -(-rows.size // maximum_windows)
    kept: Indices = rows[(session_index[rows] + ticker_phase[rows]) % step == 0]
    return kept


def ticker_phase(ticker: str) -> int:
    """A number that spreads tickers evenly, the same in every process.

    Examples
    --------
    >>> ticker_phase("AAPL") == ticker_phase("AAPL") and ticker_phase("AAPL") != ticker_phase("IBM")
    True
    """
    return int.from_bytes(hashlib.blake2b(ticker.encode(), digest_size=4).digest(), "big")


def shortage_of_history(session_index: Indices, config: SplitConfig) -> str:
    """Why these windows are too few for :func:`split_by_time`; an empty text when they are enough."""
    distinct = np.unique(session_index)
    if distinct.size == 0:
        return "no window with a matured label before the cut-off; train from a later cut-off session"
    first_validation = _first_validation_session(session_index, config)
    last_fit = first_validation - config.horizon_sessions - config.embargo_sessions
    n_fit = int(np.count_nonzero(distinct <= last_fit))
    n_validation = int(np.count_nonzero(distinct >= first_validation))
    if n_fit < config.minimum_fit_sessions or n_validation < config.minimum_validation_sessions:
        return (
            f"{distinct.size} sessions with matured labels give {n_fit} to fit (expected at least "
            f"{config.minimum_fit_sessions}) and {n_validation} to validate (expected at least "
            f"{config.minimum_validation_sessions}); train from a later cut-off session or lower the minima"
        )
    return ""


def split_by_time(session_index: Indices, config: SplitConfig) -> TimeSplit:
    """Divide windows into an older part to fit and the newest part to validate.

    The validation part starts at the session that leaves ``validation_fraction`` of the distinct
    sessions to it. Between the parts, ``horizon + embargo`` sessions are purged: the label of the last fitted
    window had ended ``embargo_sessions`` before the first validation session.

    Parameters
    ----------
    session_index : ndarray of int64, shape (n_windows,)
        Calendar position of each window's session.
    config : SplitConfig
        Lengths and minima.

    Returns
    -------
    TimeSplit
        Disjoint positions.

    Raises
    ------
    TooLittleDataError
        If a part would have fewer sessions than its minimum.

    References
    ----------
    López de Prado, M. (2018). Advances in Financial Machine Learning, chapter 7 (purging, embargo).
    """
    shortage = shortage_of_history(session_index, config)
    if shortage:
        raise TooLittleDataError(shortage)
    first_validation = _first_validation_session(session_index, config)
    last_fit = first_validation - config.horizon_sessions - config.embargo_sessions
    return TimeSplit(
        fit=np.flatnonzero(session_index <= last_fit).astype(np.int64),
        validation=np.flatnonzero(session_index >= first_validation).astype(np.int64),
    )


def _first_validation_session(session_index: Indices, config: SplitConfig) -> int:
    distinct = np.unique(session_index)
    n_validation = max(1, round(distinct.size * config.validation_fraction))
    return int(distinct[distinct.size - n_validation])
