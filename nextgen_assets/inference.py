"""``predict_batch(window_ids)``: what the live models say of stored windows; reads only, writes nothing."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from nextgen_assets.domain.ensemble import EnsembleConfig
from nextgen_assets.domain.live_models import LiveModel, live_models_by_session
from nextgen_assets.domain.prediction import said_of_session
from nextgen_assets.domain.ticker_service import member_of
from nextgen_assets.domain.window_store import WindowStore
from nextgen_assets.feature_selection import feature_set_of
from nextgen_assets.market_view import security_names
from nextgen_assets.partitions import calendar_of
from nextgen_assets.prediction_inputs import model_loader
from nextgen_resources.errors import WindowUnknownError
from nextgen_resources.model_store import ModelStore
from nextgen_resources.settings.schema import Settings
from nextgen_resources.warehouse.warehouse import Warehouse

KEPT_SESSIONS = 64
"""Sessions whose answers are kept: the newest asked for."""
_SESSIONS_OF = """
SELECT window_id, session_date FROM feature_windows WHERE window_id IN (SELECT unnest($ids)) AND feature_set_id = $set
"""
_STATE = """
SELECT count(*), max(created_at), max(live_from),
       (SELECT max(cutoff_session) FROM promotion_verdicts WHERE target_ticker IS NOT NULL) FROM model_deployments
"""
Answer = dict[str, Any]
Said = dict[str, tuple[list[dict[str, Any]], float | None]]


@dataclass
class _Served:
    """One state of the deployments, the models read for it, and the answers given under it, by session and by window."""

    state: tuple[Any, ...]
    models: dict[str, LiveModel]
    answers: OrderedDict[date, dict[str, Answer]] = field(default_factory=OrderedDict)
    by_window: dict[str, Answer] = field(default_factory=dict)

    def keep(self, session: date, answers: dict[str, Answer]) -> None:
        """Keep the answers of a session; those of the oldest are forgotten beyond ``KEPT_SESSIONS``."""
        self.answers[session] = answers
        self.by_window |= answers
        while len(self.answers) > KEPT_SESSIONS:
            _, forgotten = self.answers.popitem(last=False)
            for window_id in forgotten:
                self.by_window.pop(window_id, None)


class BatchPredictor:
    """Answers for windows by their ids.

    Notes
    -----
    A session is computed whole, as the asset ``predictions`` does, because the last bit of a matrix product may
    depend on the rows beside a row: so an answer equals the member entry of the ledger to the bit, whichever windows
    are asked for together. Its answers are kept; a promotion empties what is kept, and requests that
    are under way end on the state they began with. One thread computes; any thread may look up.
    """

    def __init__(self, warehouse: Warehouse, settings: Settings, store: ModelStore) -> None:
        self._warehouse, self._settings, self._store = warehouse, settings, store
        self._chosen = feature_set_of(settings)
        self._swap = threading.Lock()
        self._served = _Served((), {})
        self.reload()

    def predict_batch(self, window_ids: Sequence[str]) -> list[Answer]:
        """What each live model says of each window, in the order asked for.

        Returns
        -------
        list of dict
            ``window_id, ticker, session_date`` (ISO), ``members``: list of {model_id, family, probability_up,
            standardised_mean} by family, and last, with its ``target_ticker``, the model that serves the ticker alone,
            if it has one; ``dissimilarity`` (None if unknown) and ``abstain_reason`` (None, or
            'no_model_live', 'window_incomplete'): then ``members`` is empty.

        Raises
        ------
        WindowUnknownError
            Ids that the warehouse does not hold under the feature set of the settings; no answer is given.
        """
        served = self._served
        known = _kept(served, window_ids)
        missing = [window_id for window_id in window_ids if window_id not in known]
        if missing:
            rows = self._warehouse.read(_SESSIONS_OF, ids=missing, set=self._chosen.feature_set_id)
            unknown = sorted(set(missing) - set(rows["window_id"]))
            if unknown:
                raise WindowUnknownError(
                    f"{len(unknown)} windows are not in feature_windows under feature set "
                    f"{self._chosen.feature_set_id}, such as {unknown[0]!r}; materialise feature_windows, or ask by the "
                    "ids that it holds"
                )
            for session in rows["session_date"].unique().sort():
                known |= self._computed(served, session)
        return [known[window_id] for window_id in window_ids]

    def lookup(self, window_ids: Sequence[str]) -> dict[str, Answer]:
        """The answers that are kept; nothing is computed."""
        return _kept(self._served, window_ids)

    def reload(self) -> bool:
        """Read the deployments again; whether they have changed. The answers of before are then forgotten."""
        state = self._warehouse.read(_STATE).row(0)
        with self._swap:
            if state == self._served.state:
                return False
            self._served = _Served(state, dict(self._served.models))
            return True

    def health(self) -> dict[str, Any]:
        """What is served, as plain values."""
        served = self._served
        count, created_at, live_from, _ = served.state
        return {
            "scenario_id": self._settings.scenario_id,
            "feature_set_id": self._chosen.feature_set_id,
            "deployments": int(count),
            "newest_deployment": str(created_at),
            "live_from": str(live_from),
            "models_read": len(served.models),
            "sessions_kept": len(served.answers),
        }

    def _computed(self, served: _Served, session: date) -> dict[str, Answer]:
        calendar = calendar_of(self._settings)
        earliest = calendar.shift(session, -self._chosen.lookback_sessions)
        with self._warehouse.snapshot():
            rows = self._warehouse.read(
                "windows", feature_set_id=self._chosen.feature_set_id, first=earliest, last=session
            )
            names = security_names(self._warehouse, session)
            rows = names.follow(rows, "session_date")
            deployments = self._warehouse.read("deployments", last=session)
            own = self._warehouse.read("SELECT * FROM ticker_models_at($session)", session=session)
        load = model_loader(deployments, self._store)

        def loaded(model_id: str) -> LiveModel:
            if model_id not in served.models:
                served.models[model_id] = load(model_id)
            return served.models[model_id]

        models = live_models_by_session(deployments, [session], loaded)[session]
        store = WindowStore.from_rows(rows, calendar.between(earliest, session))
        own = names.follow(own.rename({"target_ticker": "ticker"}), "cutoff_session")
        in_charge = dict(own.select("ticker", "model_id").iter_rows())
        said = said_of_session(store, session, models, self._config())
        for ticker, (members, _) in said.items():
            if ticker in in_charge:
                member = member_of(loaded(in_charge[ticker]), ticker, store, session)
                members += [] if member is None else [member]
        answers = _answers(session, bool(models), said, rows)
        served.keep(session, answers)
        return answers

    def _config(self) -> EnsembleConfig:
        prediction = self._settings.prediction
        return EnsembleConfig(dict(prediction.member_weights), self._settings.models.champion)


def _kept(served: _Served, window_ids: Sequence[str]) -> dict[str, Answer]:
    known = served.by_window
    return {window_id: known[window_id] for window_id in window_ids if window_id in known}


def _answers(session: date, is_served: bool, said: Said, rows: pl.DataFrame) -> dict[str, Answer]:
    of_session = rows.filter(pl.col("session_date") == session).select("ticker", "window_id")
    answers = {}
    for ticker, window_id in of_session.iter_rows():
        members, distance = said.get(ticker, ([], None))
        reason = None if members else "no_model_live" if not is_served else "window_incomplete"
        answers[window_id] = {
            "window_id": window_id,
            "ticker": ticker,
            "session_date": session.isoformat(),
            "members": members,
            "dissimilarity": distance,
            "abstain_reason": reason,
        }
    return answers
