"""Cut training jobs out of stored windows and known returns, one per cut-off, each seeing its past only."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.splits import (
    TooLittleDataError,
    rows_before_cutoff,
    shortage_of_history,
    thinned,
    ticker_phase,
)
from nextgen_assets.domain.training_job import TrainingJob, TrainingSettings
from nextgen_assets.domain.window_store import WindowStore


@dataclass(frozen=True, eq=False)
class TrainingData:
    """The complete windows of a store with what became of them.

    Build it with :meth:`build`; then ask :meth:`shortage` and :meth:`job` per cut-off.
    """

    store: WindowStore
    feature_set_id: str
    calendar: SessionCalendar
    settings: TrainingSettings
    session_index: npt.NDArray[np.int64]
    forward_return: npt.NDArray[np.float64]
    volatility: npt.NDArray[np.float64]
    is_usable: npt.NDArray[np.bool_]

    @classmethod
    def build(
        cls,
        store: WindowStore,
        targets: pl.DataFrame,
        feature_set_id: str,
        calendar: SessionCalendar,
        settings: TrainingSettings,
    ) -> TrainingData:
        """Join windows and targets.

        Parameters
        ----------
        store : WindowStore
            Vectors of consecutive sessions of ``calendar``, of one feature set.
        targets : DataFrame
            ``ticker, session_date, forward_return, volatility``: the log total return over the horizon and
            its forecast standard deviation (both fractions); null or NaN where unknown. Unique per ticker
            and session; rows without a window are left out.
        feature_set_id : str
            Of the store.
        calendar : SessionCalendar
            Numbers the sessions.
        settings : TrainingSettings
            What each job trains.

        Raises
        ------
        ValueError
            If a ticker and session occur twice in ``targets``.
        """
        twice = targets.filter(pl.struct("ticker", "session_date").is_duplicated())
        if twice.height:
            row = twice.row(0, named=True)
            raise ValueError(
                f"targets: {twice.height} rows share ticker and session, first {row['ticker']} "
                f"{row['session_date']}; pass one row of each"
            )
        complete = pl.DataFrame(
            {
                "ticker": [store.tickers[ticker] for ticker in store.complete[:, 1].tolist()],
                "session_date": [store.sessions[session] for session in store.complete[:, 0].tolist()],
            },
            schema={"ticker": pl.String, "session_date": pl.Date},
        )
        joined = complete.join(
            targets.select("ticker", "session_date", "forward_return", "volatility"),
            on=["ticker", "session_date"],
            how="left",
            maintain_order="left",
        )
        forward_return, volatility = (
            joined[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
            for name in ("forward_return", "volatility")
        )
        is_usable = np.isfinite(forward_return) & np.isfinite(volatility) & (volatility > 0)
        first = calendar.index(store.sessions[0])
        session_index = store.complete[:, 0].astype(np.int64) + first
        return cls(
            store, feature_set_id, calendar, settings, session_index, forward_return, volatility, is_usable
        )

    def shortage(self, cutoff_session: date) -> str:
        """Why the cut-off cannot be trained: an empty text when it can."""
        return shortage_of_history(self.session_index[self._rows(cutoff_session)], self.settings.split)

    def window_count(self, cutoff_session: date) -> int:
        """How many windows the job of the cut-off will hold."""
        return int(self._rows(cutoff_session).size)

    def job(
        self, cutoff_session: date, trials_to_date: int = 1, tickers: Collection[str] | None = None
    ) -> TrainingJob:
        """The job of one cut-off.

        Parameters
        ----------
        cutoff_session, trials_to_date
            As they go into the job.
        tickers : collection of str, optional
            Windows of these alone; None: of everybody.

        Raises
        ------
        TooLittleDataError
            When :meth:`shortage` names a reason, or the tickers have too little history.

        Notes
        -----
        As-of rule: windows whose label had ended ``embargo_sessions`` before the cut-off, and no others.
        """
        rows = self._rows(cutoff_session, tickers)
        shortage = shortage_of_history(self.session_index[rows], self.settings.split)
        if shortage:
            raise TooLittleDataError(f"model_registry: cut-off {cutoff_session}: {shortage}")
        cells = self.store.complete[rows]
        dates = np.array(self.store.sessions, dtype="datetime64[D]")
        last = self.store.sessions[int(cells[-1, 0])]
        return TrainingJob(
            cutoff_session=cutoff_session,
            labels_end_session=self.calendar.shift(last, self.settings.split.horizon_sessions),
            feature_set_id=self.feature_set_id,
            windows=self.store.pooled(cells),
            forward_return=self.forward_return[rows],
            volatility=self.volatility[rows],
            session_index=self.session_index[rows],
            session_dates=dates[cells[:, 0]],
            tickers=tuple(self.store.tickers[ticker] for ticker in np.unique(cells[:, 1]).tolist()),
            settings=self.settings,
            trials_to_date=trials_to_date,
            dropped=self._dropped(cells) if tickers is None else 0,
        )

    def _dropped(self, cells: npt.NDArray[np.int64]) -> int:
        """Complete windows between the first and the last of ``cells`` whose return or volatility is unknown."""
        sessions = self.store.complete[:, 0]
        is_inside = (sessions >= cells[0, 0]) & (sessions <= cells[-1, 0])
        return int(np.count_nonzero(is_inside & ~self.is_usable))

    def _rows(self, cutoff_session: date, tickers: Collection[str] | None = None) -> npt.NDArray[np.int64]:
        split, cutoff_index = self.settings.split, self.calendar.index(cutoff_session)
        rows = rows_before_cutoff(self.session_index, self.is_usable, cutoff_index, split)
        if tickers is not None:
            is_meant = np.array([ticker in tickers for ticker in self.store.tickers])
            rows = rows[is_meant[self.store.complete[rows, 1]]]
        phases = np.array([ticker_phase(ticker) for ticker in self.store.tickers], dtype=np.int64)
        return thinned(rows, self.session_index, phases[self.store.complete[:, 1]], split.maximum_windows)
