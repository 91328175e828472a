"""Labels: what the return of a ticker became, as far as it was known by a session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from nextgen_assets.domain.grid import Values
from nextgen_assets.domain.prices import Panel, forward_total_return
from nextgen_assets.domain.provenance import RawVersions

_DIRECTIONS = ("down", "flat", "up")


@dataclass(frozen=True, eq=False)
class Labels:
    """Forward returns of every session and ticker of a panel.

    Parameters
    ----------
    sessions : tuple of date
        Rows: the sessions at whose close the forward return starts.
    tickers : tuple of str
        Columns.
    target_sessions : tuple of (date or None)
        Per row, the session at whose close the return ends; None where that is not known yet.
    forward_return : ndarray (n_sessions, n_tickers)
        Total log return; NaN where a daily return is missing or the target was not known.
    direction : ndarray (n_sessions, n_tickers)
        Sign of ``forward_return``: 1 up, -1 down, 0 flat, NaN where unknown.
    """

    sessions: tuple[date, ...]
    tickers: tuple[str, ...]
    target_sessions: tuple[date | None, ...]
    forward_return: Values
    direction: Values

    def frame(self) -> pl.DataFrame:
        """The known labels as rows.

        Returns
        -------
        DataFrame
            ``ticker, session_date, target_session_date, forward_return, direction`` ('up', 'down' or
            'flat'), sorted by ticker and session; unknown labels have no row.
        """
        ticker_index, session_index = np.nonzero(~np.isnan(self.forward_return.T))
        signs = self.direction[session_index, ticker_index].astype(np.int64)
        targets = pl.Series(self.target_sessions, dtype=pl.Date)
        return pl.DataFrame(
            {
                "ticker": pl.Series(self.tickers, dtype=pl.String).gather(ticker_index),
                "session_date": pl.Series(self.sessions, dtype=pl.Date).gather(session_index),
                "target_session_date": targets.gather(session_index),
                "forward_return": self.forward_return[session_index, ticker_index],
                "direction": pl.Series(_DIRECTIONS).gather(signs + 1),
            }
        ).sort("ticker", "session_date")


def labels(panel: Panel, horizon_sessions: int, known_until: date) -> Labels:
    """Forward total log returns whose target session had closed by ``known_until``.

    Parameters
    ----------
    panel : Panel
        Consecutive sessions; reads ``log_return``.
    horizon_sessions : int
        Sessions from the start to the target, at least 1.
    known_until : date
        The last session whose close is known.

    Raises
    ------
    ValueError
        If the horizon is below 1.

    Notes
    -----
    As-of rule: a label is stated only where its target session is not after ``known_until``, so a
    model trained at a cut-off cannot read a return that had not ended.
    """
    forward_return = forward_total_return(panel, horizon_sessions)
    ahead = (*panel.sessions[horizon_sessions:], *[None] * min(horizon_sessions, len(panel.sessions)))
    targets = tuple(None if day is None or day > known_until else day for day in ahead)
    forward_return[np.array([day is None for day in targets])] = np.nan
    return Labels(panel.sessions, panel.tickers, targets, forward_return, np.sign(forward_return))


def realised_log_returns(
    panel: Panel, versions: RawVersions, horizon_sessions: int, known_until: date
) -> pl.DataFrame:
    """What each return became, and when the last price behind it was learned.

    Parameters
    ----------
    panel, horizon_sessions, known_until
        As for :func:`labels`.
    versions : RawVersions
        From ``row_digests`` on the same panel.

    Returns
    -------
    DataFrame
        ``ticker, session_date, target_session_date, realised_log_return, price_known_at``, sorted by ticker
        and session; ``price_known_at`` is the newest ``known_at`` of the bars and actions from the session
        to its target.
    """
    known = labels(panel, horizon_sessions, known_until)
    n_rows = max(len(panel.sessions) - horizon_sessions, 0)
    newest = versions.price_known_at_us[:, :n_rows].copy()
    for ahead in range(1, horizon_sessions + 1):
        np.maximum(newest, versions.price_known_at_us[:, ahead : ahead + n_rows], out=newest)
    order = np.argsort(np.array(panel.tickers))
    ticker_rank, session_index = np.nonzero(~np.isnan(known.forward_return.T[order]))
    moments = pl.Series("price_known_at", newest[order[ticker_rank], session_index], dtype=pl.Int64)
    rows = known.frame().drop("direction").rename({"forward_return": "realised_log_return"})
    return rows.with_columns(moments.cast(pl.Datetime("us", "UTC")))
