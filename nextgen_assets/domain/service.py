"""Who is served at a session: the ensemble, a challenger that passed the gate, or whom a person appointed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import polars as pl

from nextgen_assets.domain.adjustment import MaturedHistory
from nextgen_assets.domain.calibration import logit
from nextgen_assets.domain.contender_record import TrackRecord
from nextgen_assets.domain.ensemble import EnsembleConfig
from nextgen_assets.domain.live_models import LiveModel
from nextgen_assets.domain.member_weights import learned_weights
from nextgen_assets.domain.members import NO_MEMBERS, Floats, Indices, Members, packed, unpacked
from nextgen_assets.domain.promotion import PROMOTED, PromotionConfig, Verdict, judge
from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.ticker_models import TickerModels
from nextgen_assets.domain.ticker_service import judge_own, with_own
from nextgen_assets.domain.verdict_rows import Judged, verdict_rows

ENSEMBLE = "ensemble"
BASE_RATE = "base_rate"


@dataclass(frozen=True)
class ServiceConfig:
    """How members are weighed and challengers judged.

    Parameters
    ----------
    ensemble : EnsembleConfig
        Weights before anything is learned, and how fast they learn.
    gate : PromotionConfig
        What a challenger has to show.
    learning_sessions : int
        Trailing sessions that weights learn from.
    cutoff_delay_minutes : int
        After the official close: the knowledge cut-off.
    """

    ensemble: EnsembleConfig
    gate: PromotionConfig
    learning_sessions: int = 250
    cutoff_delay_minutes: int = 30


@dataclass(eq=False)
class Service:
    """Weights of every session, and the verdicts at the end of every month that they rest on.

    Parameters
    ----------
    models_by_session : mapping of date to sequence of LiveModel
        Who is live when, also at the sessions after the cut-offs.
    recipe_of : mapping of str to str
        Recipe of every model_id that a forecast may name.
    appointed : mapping of date to str
        Family that a person has put in charge.
    trial_sessions : sequence of date
        First cut-off of every configuration that was ever trained, ascending.
    calendar : SessionCalendar
        Numbers the sessions.
    config : ServiceConfig
        Settings.
    own : TickerModels or None
        Models of single tickers; None: nobody has one.
    """

    models_by_session: Mapping[date, Sequence[LiveModel]]
    recipe_of: Mapping[str, str]
    appointed: Mapping[date, str]
    trial_sessions: Sequence[date]
    calendar: SessionCalendar
    config: ServiceConfig
    own: TickerModels | None = None
    verdicts: dict[date, tuple[Verdict, ...]] = field(default_factory=dict)
    own_verdicts: dict[date, dict[str, tuple[Verdict, ...]]] = field(default_factory=dict)
    champions: dict[date, str] = field(default_factory=dict)

    def cutoff_of(self, session: date) -> date:
        """The last session of the month before ``session``: what is promoted there serves the month."""
        return self.calendar.shift(self.calendar.on_or_after(session.replace(day=1)), -1)

    def weights(self, session: date, history: MaturedHistory) -> dict[str, float] | None:
        """Weight of every live recipe at ``session``; None where no model is live.

        Notes
        -----
        As-of rule: weights learn from ``history.matured`` at the session before, verdicts at its cut-off: what is
        learned at a session serves from the next one on. Nothing else enters, so a session alone gives the weights
        that it has in a range.
        """
        models = self.models_by_session.get(session, ())
        if not models:
            return None
        promoted = self._promoted(session, history)
        chosen = self._appointed(session) or promoted
        recipes = [model.recipe for model in models]
        if chosen in recipes:
            return {recipe: float(recipe == chosen) for recipe in recipes}
        return self._learned(self.calendar.shift(session, -1), models, history)

    def lead(self, session: date, weights: Mapping[str, float]) -> LiveModel:
        """The model that a prediction is filed under: who is served alone, else the family of the settings."""
        models = self.models_by_session[session]
        alone = [model for model in models if weights[model.recipe] == 1.0]
        return alone[0] if alone else self.config.ensemble.champion(models)

    def serve(
        self, issued: pl.DataFrame, history: MaturedHistory
    ) -> tuple[pl.DataFrame, dict[date, dict[str, float] | None]]:
        """Rows of ``raw_predictions`` with the weights of their session, and those weights.

        Parameters
        ----------
        issued : DataFrame
            Sorted by session and ticker.
        """
        members = Members.parse(issued["ensemble"], self.recipe_of)
        probability, mean = (np.full(issued.height, np.nan) for _ in range(2))
        weights: dict[date, dict[str, float] | None] = {}
        named: list[tuple[date, str, str, float]] = []
        for day, rows in _rows_by_session(issued["session_date"]):
            found = weights[day] = self.weights(day, history)
            if found is None:
                continue
            probability[rows], mean[rows] = members.joined(rows, found)
            lead = self.lead(day, found).model_id
            named += [
                (day, lead, model.model_id, found[model.recipe]) for model in self.models_by_session[day]
            ]
        frame = _renamed(issued, named).with_columns(
            raw_probability_up=pl.Series(probability).fill_nan(None),
            standardised_mean=pl.Series(mean).fill_nan(None),
        )
        if self.own is not None and self.own.deployments:
            in_charge = {day: self.own_models(day, history) for day in weights}
            frame = with_own(frame, in_charge, self.own.store)
        return frame.with_columns(expected_raw=pl.col("standardised_mean") * pl.col("volatility")), weights

    def own_models(self, session: date, history: MaturedHistory) -> dict[str, LiveModel]:
        """The model of each ticker that is served by one of its own at ``session``."""
        if self.own is None or not self.models_by_session.get(session, ()):
            return {}
        cutoff = self.cutoff_of(session)
        if cutoff not in self.own_verdicts:
            self.own_verdicts[cutoff] = self._judge_own(cutoff, history, self.own)
        promoted = {
            ticker: each.recipe
            for ticker, found in self.own_verdicts[cutoff].items()
            for each in found
            if each.verdict == PROMOTED
        }
        return self.own.in_charge(session, promoted)

    def verdict_frame(self) -> pl.DataFrame:
        """Rows of ``promotion_verdicts`` of every cut-off that was judged."""
        judged: list[Judged] = []
        for cutoff, found in sorted(self.verdicts.items()):
            models = {model.recipe: model for model in self.models_by_session[self.calendar.shift(cutoff, 1)]}
            trials = self._trials(cutoff)
            judged += [Judged(cutoff, models[each.recipe], None, each, trials) for each in found]
        for cutoff, by_ticker in sorted(self.own_verdicts.items()):
            if self.own is not None and by_ticker:
                trials = self._trials(cutoff) + self.own.trained_by(cutoff)
                judged += [
                    Judged(cutoff, self.own.model(each.recipe), ticker, each, trials)
                    for ticker, found in by_ticker.items()
                    for each in found
                ]
        return verdict_rows(judged, self.champions, self.calendar, self.config.cutoff_delay_minutes)

    def _judge_own(
        self, cutoff: date, history: MaturedHistory, own: TickerModels
    ) -> dict[str, tuple[Verdict, ...]]:
        """Verdicts by ticker on the models of single tickers, against what serves their ticker without them."""
        models = self.models_by_session.get(self.calendar.shift(cutoff, 1), ())
        if not models:
            return {}
        contenders = own.contenders(cutoff, self.config.gate, models[0].horizon_sessions)
        if not contenders:
            return {}
        promoted = self._promoted(self.calendar.shift(cutoff, 1), history)
        chosen = self._appointed(self.calendar.shift(cutoff, 1)) or promoted
        served = {chosen: 1.0} if chosen else self._learned(cutoff, models, history)
        rows = history.matured(cutoff, self.config.gate.sessions, self.config.cutoff_delay_minutes)
        went_up = (history.realised[rows] > 0).astype(np.float64)
        base = self._base_rate(models, history, rows, went_up)
        champion = logit(history.members.joined(rows, served)[0])
        n_trials = self._trials(cutoff) + own.trained_by(cutoff)
        return judge_own(own, contenders, history, rows, (base, champion), n_trials, self.config.gate)

    def _appointed(self, session: date) -> str | None:
        family = self.appointed.get(session)
        models = self.models_by_session.get(session, ())
        return next((model.recipe for model in models if model.family == family), None)

    def _promoted(self, session: date, history: MaturedHistory) -> str | None:
        cutoff = self.cutoff_of(session)
        if cutoff not in self.verdicts:
            models = self.models_by_session.get(self.calendar.shift(cutoff, 1), ())
            if not models:
                return None
            self.verdicts[cutoff] = self._judge(cutoff, models, history)
        promoted = (each.recipe for each in self.verdicts[cutoff] if each.verdict == PROMOTED)
        return next(promoted, None)

    def _judge(
        self, cutoff: date, models: Sequence[LiveModel], history: MaturedHistory
    ) -> tuple[Verdict, ...]:
        """The challengers among ``models`` against what would be served without a verdict."""
        following = self.calendar.shift(cutoff, 1)
        appointed = self._appointed(following)
        self.champions[cutoff] = self.appointed[following] if appointed else ENSEMBLE
        served = {appointed: 1.0} if appointed else self._learned(cutoff, models, history)
        rows = history.matured(cutoff, self.config.gate.sessions, self.config.cutoff_delay_minutes)
        challengers = [model for model in models if model.family != BASE_RATE and model.recipe != appointed]
        went_up = (history.realised[rows] > 0).astype(np.float64)
        record = TrackRecord(
            log_odds={model.recipe: history.members.of(model.recipe, rows)[0] for model in challengers},
            base_log_odds=self._base_rate(models, history, rows, went_up),
            champion_log_odds=logit(history.members.joined(rows, served)[0]),
            realised=history.realised[rows],
            volatility=history.volatility[rows],
            session_index=history.session_index[rows],
            horizon_sessions=models[0].horizon_sessions,
        )
        return judge(record, self._trials(cutoff), self.config.gate)

    def _base_rate(
        self, models: Sequence[LiveModel], history: MaturedHistory, rows: Indices, went_up: Floats
    ) -> Floats:
        """What the base rate had said; without such a member, the share that in hindsight was right."""
        base = next((model for model in models if model.family == BASE_RATE), None)
        if base is not None:
            return history.members.of(base.recipe, rows)[0]
        return logit(np.full(rows.size, float(went_up.mean()) if rows.size else 0.5))

    def _learned(
        self, session: date, models: Sequence[LiveModel], history: MaturedHistory
    ) -> dict[str, float]:
        """Weights as they are known at the cut-off of ``session``."""
        prior = dict(
            zip(
                (model.recipe for model in models),
                self.config.ensemble.normalised(models),
                strict=True,
            )
        )
        rows = history.matured(session, self.config.learning_sessions, self.config.cutoff_delay_minutes)
        return learned_weights(
            {model.recipe: history.losses(model.recipe, rows) for model in models},
            history.session_index[rows],
            prior,
            models[0].horizon_sessions,
            self.config.ensemble.learning_rate,
        )

    def _trials(self, cutoff: date) -> int:
        return max(1, bisect_right(self.trial_sessions, cutoff))


def _rows_by_session(days: pl.Series) -> list[tuple[date, Indices]]:
    """Rows of each session, for rows sorted by session."""
    runs = days.rle().struct.unnest()
    ends = np.cumsum(runs["len"].to_numpy()).tolist()
    return [
        (day, np.arange(start, end))
        for day, start, end in zip(runs["value"].to_list(), [0, *ends[:-1]], ends, strict=True)
    ]


def _renamed(issued: pl.DataFrame, named: Sequence[tuple[date, str, str, float]]) -> pl.DataFrame:
    """Rows with the weights of their members and the model they are filed under.

    Parameters
    ----------
    issued : DataFrame
        Rows of ``raw_predictions``.
    named : sequence of tuple
        Session, the model its predictions are filed under, and each live model with its weight.

    Raises
    ------
    ValueError
        If a model spoke that has no weight at its session: a missing weight never becomes a null in the ledger.
    """
    table = pl.DataFrame(
        named,
        schema={"session_date": pl.Date, "lead": pl.String, "model_id": pl.String, "weight": pl.Float64},
        orient="row",
    )
    days = issued.select("session_date").with_row_index("row")
    said = unpacked(issued["ensemble"]).drop("weight").join(days, on="row", maintain_order="left")
    said = said.join(table.drop("lead"), on=["session_date", "model_id"], how="left", maintain_order="left")
    unknown = said.filter(pl.col("weight").is_null())
    if unknown.height:
        raise ValueError(
            f"{unknown.height} forecasts are of models that are not live at their session, first model "
            f"{unknown['model_id'][0]!r} at {unknown['session_date'][0]}; correct model_deployments"
        )
    filed = issued.join(
        table.select("session_date", "lead").unique(),
        on="session_date",
        how="left",
        validate="m:1",
        maintain_order="left",
    )
    return filed.with_columns(
        ensemble=packed(said, issued.height),
        model_id=pl.when((pl.col("ensemble") != NO_MEMBERS) & pl.col("lead").is_not_null())
        .then("lead")
        .otherwise("model_id"),
    ).drop("lead")
