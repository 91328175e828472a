"""Answers to retrain signals: who gets a model of its own, and why the others get none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.trained_model import TrainedModel

TRAINED = "trained"
COOLING_DOWN = "cooling_down"
OVER_BUDGET = "over_budget"
TOO_LITTLE_HISTORY = "too_little_history"
NOTHING_TO_START_FROM = "nothing_to_start_from"
LEFT_TO_THE_MONTH = "left_to_the_month"
SWITCHED_OFF = "switched_off"

ANSWER_SCHEMA: dict[str, Any] = {
    "signal_id": pl.String,
    "session_date": pl.Date,
    "ticker": pl.String,
    "outcome": pl.String,
    "model_id": pl.String,
    "reason": pl.String,
}


@dataclass(frozen=True)
class AnswerRules:
    """What keeps answers from storming.

    Parameters
    ----------
    is_enabled : bool
        Whether anything is trained.
    cooldown_sessions : int
        Sessions after a model of a ticker in which it gets no other.
    budget_models, budget_sessions : int
        Models of single tickers in any so many sessions, all tickers together.
    """

    is_enabled: bool = True
    cooldown_sessions: int = 125
    budget_models: int = 3
    budget_sessions: int = 60


@dataclass(frozen=True)
class NotTrained:
    """Why a ticker could not be trained at a session: an outcome, and words."""

    outcome: str
    reason: str


Train = Callable[[str, date], TrainedModel | NotTrained]


@dataclass(eq=False)
class Answers:
    """Answers the signals of one session after the other.

    Parameters
    ----------
    rules : AnswerRules
        Limits.
    calendar : SessionCalendar
        Counts sessions.
    trained : mapping of str to mapping of date to str
        By ticker and session the model that was trained for it; what earlier runs answered, and then what is.

    Notes
    -----
    Uses answers of earlier sessions only, so sessions one by one in order of time give what a range gives.
    """

    rules: AnswerRules
    calendar: SessionCalendar
    trained: dict[str, dict[date, str]] = field(default_factory=dict)
    models: list[TrainedModel] = field(default_factory=list)
    rows: list[tuple[Any, ...]] = field(default_factory=list)

    @classmethod
    def after(cls, answered: pl.DataFrame, rules: AnswerRules, calendar: SessionCalendar) -> Answers:
        """Go on from the rows of ``retrain_answers`` that are there."""
        trained: dict[str, dict[date, str]] = {}
        done = answered.filter(pl.col("outcome") == TRAINED).select("ticker", "session_date", "model_id")
        for ticker, session, model_id in done.iter_rows():
            trained.setdefault(ticker, {})[session] = model_id
        return cls(rules, calendar, trained)

    def answer(self, signals: pl.DataFrame, train: Train) -> None:
        """Answer signals that have no answer yet, by session, confidence, ticker and reason.

        Parameters
        ----------
        signals : DataFrame
            ``signal_id, session_date, ticker, reason, confidence``; ticker null for the universe.
        train : callable
            Gives the model of a ticker cut off at a session, or why there is none; called once for each that
            the rules admit.
        """
        order = signals.sort(
            "session_date", "confidence", "ticker", "reason", descending=[False, True, False, False]
        )
        refused: dict[tuple[str, date], NotTrained] = {}
        for row in order.iter_rows(named=True):
            ticker, session = row["ticker"], row["session_date"]
            found = self._refusal(ticker, session) or refused.get((ticker, session))
            if found is None and session not in self.trained.get(ticker, {}):
                made = train(ticker, session)
                if isinstance(made, NotTrained):
                    found = refused[ticker, session] = made
                else:
                    self.models.append(made)
                    self.trained.setdefault(ticker, {})[session] = made.model_id
            self._write(row, found)

    def frame(self) -> pl.DataFrame:
        """Rows of ``retrain_answers`` less as_of and run_id."""
        return pl.DataFrame(self.rows, schema=ANSWER_SCHEMA, orient="row").sort("session_date", "signal_id")

    def _refusal(self, ticker: str | None, session: date) -> NotTrained | None:
        """Why nothing is trained for the ticker at the session; None where a model may be, or is."""
        rules = self.rules
        if not rules.is_enabled:
            return NotTrained(SWITCHED_OFF, "answers.enabled is false")
        if ticker is None:
            return NotTrained(
                LEFT_TO_THE_MONTH,
                f"every family is trained anew for all tickers at the end of {session:%B %Y}, from the newest past",
            )
        own = self.trained.get(ticker, {})
        if session in own:
            return None
        last = max((day for day in own if day < session), default=None)
        if last is not None and self._between(last, session) < rules.cooldown_sessions:
            until = self.calendar.shift(last, rules.cooldown_sessions)
            return NotTrained(COOLING_DOWN, f"model {own[last]} of {last} is younger than {until} allows")
        spent = self._spent(session)
        if spent >= rules.budget_models:
            return NotTrained(
                OVER_BUDGET,
                f"{spent} models of single tickers in the last {rules.budget_sessions} sessions, as many as may be",
            )
        return None

    def _spent(self, session: date) -> int:
        """Models of single tickers that were trained in the sessions of the budget, this one included."""
        days = (day for own in self.trained.values() for day in own)
        return sum(
            day <= session and self._between(day, session) < self.rules.budget_sessions for day in days
        )

    def _between(self, first: date, last: date) -> int:
        return self.calendar.index(last) - self.calendar.index(first)

    def _write(self, signal: Mapping[str, Any], refusal: NotTrained | None) -> None:
        ticker, session = signal["ticker"], signal["session_date"]
        said: tuple[str, str | None, str]
        if refusal is None:
            model_id = self.trained[ticker][session]
            said = (
                TRAINED,
                model_id,
                f"a model of its own, cut off at {session}; the gate decides whether it serves",
            )
        else:
            said = (refusal.outcome, None, refusal.reason)
        self.rows.append((signal["signal_id"], session, ticker, *said))


def sessions_to_train(signals: pl.DataFrame) -> list[date]:
    """Sessions of signals that name a ticker, ascending."""
    named: Iterable[date] = signals.filter(pl.col("ticker").is_not_null())["session_date"].unique().to_list()
    return sorted(named)
