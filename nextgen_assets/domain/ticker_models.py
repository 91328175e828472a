"""Models that were made for one ticker: whom the gate judges, who is in charge, and what they say."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl

from nextgen_assets.domain.calibration import logit
from nextgen_assets.domain.contender_record import TrackRecord
from nextgen_assets.domain.live_models import LiveModel
from nextgen_assets.domain.members import Floats
from nextgen_assets.domain.promotion import PASSED, PROMOTED, PromotionConfig, Verdict, judge
from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.window_store import WindowStore
from nextgen_assets.domain.windows import LookAheadError


@dataclass(frozen=True)
class TickerDeployment:
    """A row of ``model_deployments`` with a target ticker, and the cut-off of its model."""

    model_id: str
    ticker: str
    live_from: date
    in_force_from: date | None
    created_at: datetime
    role: str
    decision: str
    cutoff_session: date

    @property
    def usable_from(self) -> date:
        """First session that it may serve."""
        return max(self.live_from, self.in_force_from or self.live_from)


@dataclass(frozen=True, eq=False)
class Matured:
    """Matured forecasts of one ticker at a cut-off, as the gate compares with.

    Parameters
    ----------
    session_index : ndarray of int64, shape (n,)
        Calendar positions, ascending, unique.
    realised, volatility : ndarray of float64, shape (n,)
        Log return over the horizon and its forecast standard deviation.
    base_log_odds, champion_log_odds : ndarray of float64, shape (n,)
        Of the base rate, and of what serves the ticker without a model of its own.
    """

    session_index: np.ndarray[Any, np.dtype[np.int64]]
    realised: Floats
    volatility: Floats
    base_log_odds: Floats
    champion_log_odds: Floats


@dataclass(eq=False)
class TickerModels:
    """The deployments of models of single tickers, over stored windows.

    Parameters
    ----------
    deployments : tuple of TickerDeployment
        By (live_from, created_at, model_id); of training and of persons.
    store : WindowStore
        Windows of the sessions that are served or judged.
    load : callable
        Gives the model of a model_id.
    calendar : SessionCalendar
        Numbers the sessions.
    maximum_age_sessions : int
        Sessions after its cut-off in which the gate looks at a model.

    Notes
    -----
    What such a model would have said is worked out from stored windows when it is judged; the ledger
    holds its word only where it serves. So a session changes with a new model no earlier than
    its record is long enough for the gate, and ranges up to that length give what single sessions give.
    """

    deployments: tuple[TickerDeployment, ...]
    store: WindowStore
    load: Callable[[str], LiveModel]
    calendar: SessionCalendar
    maximum_age_sessions: int
    _loaded: dict[str, LiveModel] = field(default_factory=dict)

    @classmethod
    def build(
        cls,
        deployments: pl.DataFrame,
        store: WindowStore,
        load: Callable[[str], LiveModel],
        calendar: SessionCalendar,
        maximum_age_sessions: int,
    ) -> TickerModels:
        """From rows of the query ``deployments``; those for the universe are left out.

        Parameters
        ----------
        deployments : DataFrame
            Tickers as their securities are called at the end of the pass.
        """
        names = [name for name in TickerDeployment.__dataclass_fields__ if name != "ticker"]
        rows = deployments.filter(pl.col("target_ticker").is_not_null())
        rows = rows.select(*names, ticker="target_ticker").sort("live_from", "created_at", "model_id")
        found = tuple(TickerDeployment(**row) for row in rows.iter_rows(named=True))
        return cls(found, store, load, calendar, maximum_age_sessions)

    def in_charge(self, session: date, promoted: Mapping[str, str]) -> dict[str, LiveModel]:
        """The model of each ticker that has its own at ``session``.

        Parameters
        ----------
        promoted : mapping of str to str
            Model by ticker that the gate promoted at the end of the month before.

        Raises
        ------
        LookAheadError
            If a model has seen the session.

        Notes
        -----
        Of the decisions of persons about a ticker the newest counts: as champion its model serves. A model that a
        person took back serves no more, whatever the gate says of it.
        """
        persons = [row for row in self._decisions() if row.live_from <= session]
        newest = {row.ticker: row for row in persons}
        barred = self._barred(session)
        chosen = {ticker: model for ticker, model in promoted.items() if model not in barred}
        chosen |= {ticker: row.model_id for ticker, row in newest.items() if row.role == "champion"}
        models = {ticker: self.model(model_id) for ticker, model_id in sorted(chosen.items())}
        for ticker, model in models.items():
            if model.cutoff_session >= session:
                raise LookAheadError(
                    f"predictions: model {model.model_id} of {ticker} was trained up to {model.cutoff_session} and is "
                    f"to serve {session}; expected a cut-off before the session. Correct live_from in model_deployments"
                )
        return models

    def contenders(self, cutoff: date, gate: PromotionConfig, horizon_sessions: int) -> dict[str, list[str]]:
        """Models by ticker whose record at ``cutoff`` is long enough for the gate, the newest first."""
        following, position = self.calendar.shift(cutoff, 1), self.calendar.index(cutoff)
        barred = self._barred(following)
        newest = position - horizon_sessions - gate.minimum_sessions
        found: dict[str, list[str]] = {}
        for row in sorted(self._trained(), key=lambda row: (row.cutoff_session, row.model_id), reverse=True):
            age_fits = (
                position - self.maximum_age_sessions <= self.calendar.index(row.cutoff_session) <= newest
            )
            known = found.setdefault(row.ticker, [])
            if (
                age_fits
                and row.usable_from <= following
                and row.model_id not in barred
                and row.model_id not in known
            ):
                known.append(row.model_id)
        return {ticker: models for ticker, models in sorted(found.items()) if models}

    def trained_by(self, cutoff: date) -> int:
        """How many models of single tickers had been tried by ``cutoff``."""
        return len({row.model_id for row in self._trained() if row.cutoff_session <= cutoff})

    def model(self, model_id: str) -> LiveModel:
        """The model of an id, read once."""
        if model_id not in self._loaded:
            self._loaded[model_id] = self.load(model_id)
        return self._loaded[model_id]

    def judged(
        self, ticker: str, models: Collection[str], known: Matured, n_trials: int, gate: PromotionConfig
    ) -> tuple[Verdict, ...]:
        """Verdicts on the models of one ticker, each on the sessions after its own cut-off; at most one is promoted.

        Parameters
        ----------
        models : collection of str
            From :meth:`contenders`: of several that pass, the first is promoted.
        """
        verdicts: list[Verdict] = []
        for model_id in models:
            model = self.model(model_id)
            after = known.session_index > self.calendar.index(model.cutoff_session)
            record = TrackRecord(
                log_odds={model_id: self._log_odds(model, ticker, known.session_index[after])},
                base_log_odds=known.base_log_odds[after],
                champion_log_odds=known.champion_log_odds[after],
                realised=known.realised[after],
                volatility=known.volatility[after],
                session_index=known.session_index[after],
                horizon_sessions=model.horizon_sessions,
            )
            (verdict,) = judge(record, n_trials, gate)
            if verdict.verdict == PROMOTED and any(each.verdict == PROMOTED for each in verdicts):
                verdict = replace(verdict, verdict=PASSED, reason_code=PASSED)
            verdicts.append(verdict)
        return tuple(verdicts)

    def _log_odds(
        self, model: LiveModel, ticker: str, session_index: np.ndarray[Any, np.dtype[np.int64]]
    ) -> Floats:
        """What the model says of the complete windows of its ticker at these sessions; NaN where there is none.

        Notes
        -----
        One batch of exactly these windows, so that the bits hang on nothing else.
        """
        found = np.full(session_index.size, np.nan)
        if ticker not in self.store.tickers:
            return found
        place = self.store.tickers.index(ticker)
        own = self.store.complete[self.store.complete[:, 1] == place]
        positions = own[:, 0] + self.calendar.index(self.store.sessions[0])
        wanted = np.isin(positions, session_index)
        if wanted.any():
            probability, _ = model.predict(self.store.gather(own[wanted]))
            found[np.searchsorted(session_index, positions[wanted])] = logit(probability)
        return found

    def _trained(self) -> list[TickerDeployment]:
        return [row for row in self.deployments if row.decision == "training"]

    def _decisions(self) -> list[TickerDeployment]:
        return [row for row in self.deployments if row.decision != "training"]

    def _barred(self, session: date) -> set[str]:
        """Models whose newest decision of a person took them back."""
        newest = {row.model_id: row for row in self._decisions() if row.live_from <= session}
        return {model_id for model_id, row in newest.items() if row.role == "challenger"}
