"""A model of one ticker serves that ticker alone, when the gate or a person says so, and nobody else is touched."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

import polars as pl
import pytest

from nextgen_assets.domain.fine_tuning import fine_tuned
from nextgen_assets.domain.live_models import live_model, recipe_id
from nextgen_assets.domain.promotion import PromotionConfig
from nextgen_assets.domain.service import Service
from nextgen_assets.domain.ticker_models import TickerModels
from nextgen_assets.domain.trained_model import TrainedModel
from nextgen_assets.domain.windows import LookAheadError
from tests.domain.planted_market import CALENDAR, SESSIONS, Market, trained_models, training_data
from tests.domain.test_fine_tuning import SETTINGS, contrarian
from tests.domain.test_service import CLOSED, DAYS, HISTORY, issue, service
from tests.domain.test_service import EASY as EASY_FOR_ALL

EASY = replace(EASY_FOR_ALL, level=0.2, minimum_deflated_sharpe=0.2)
"""A gate that skill passes on few sessions of one ticker."""
CUTOFF = date(2004, 9, 15)
LONG_ENOUGH = date(2004, 10, 29)
"""The first month end at which twenty forecasts of the model have matured."""
MOMENT = datetime(2004, 9, 15, 21, tzinfo=UTC)


@lru_cache(maxsize=1)
def market() -> Market:
    """IBM does the opposite of what the models for all have learned."""
    return contrarian()


@lru_cache(maxsize=1)
def own_model() -> TrainedModel:
    """The network of August, fine-tuned on IBM by the middle of September."""
    network = next(model for model in trained_models() if model.family == "lstm")
    eager = {**SETTINGS.families["lstm"], "hidden_size": 4, "refining_epochs": 60, "patience": 60}
    data = training_data(market().through(CUTOFF), SETTINGS)
    return fine_tuned(data, CUTOFF, "IBM", replace(network, config={**network.config, "model": eager}))


def row(decision: str, role: str, live_from: date, **other: Any) -> dict[str, Any]:
    known = {
        "model_id": own_model().model_id,
        "target_ticker": "IBM",
        "in_force_from": None,
        "created_at": MOMENT,
    }
    return (
        known | {"decision": decision, "role": role, "live_from": live_from, "cutoff_session": CUTOFF} | other
    )


TRAINED = ("training", "challenger", CALENDAR.shift(CUTOFF, 1))


def served_by(*rows: dict[str, Any], gate: PromotionConfig = EASY, seen: Market | None = None) -> Service:
    frame = pl.DataFrame(list(rows), schema_overrides={"in_force_from": pl.Date, "target_ticker": pl.String})
    known = {own_model().model_id: live_model(own_model().arrays, own_model().manifest())}
    own = TickerModels.build(frame, (seen or market()).store, known.__getitem__, CALENDAR, 500)
    by = service(gate)
    by.own = own
    by.recipe_of = {**by.recipe_of, own_model().model_id: recipe_id(own_model().manifest())}
    return by


@lru_cache(maxsize=1)
def without() -> pl.DataFrame:
    return issue(DAYS, service(EASY), market())


@lru_cache(maxsize=1)
def promoted() -> tuple[pl.DataFrame, pl.DataFrame]:
    by = served_by(row(*TRAINED))
    return issue(DAYS, by, market()), by.verdict_frame()


def members(frame: pl.DataFrame, ticker: str, session: date) -> dict[str, float]:
    text = frame.filter(ticker=ticker, session_date=session)["ensemble"].item()
    return {member.get("target_ticker", member["family"]): member["weight"] for member in json.loads(text)}


def test_the_gate_promotes_it_for_its_ticker_and_no_other_row_changes() -> None:
    frame, verdicts = promoted()
    (first, *_) = (
        verdicts.filter(pl.col("target_ticker") == "IBM").sort("cutoff_session").iter_rows(named=True)
    )
    assert (first["verdict"], first["cutoff_session"]) == ("promoted", LONG_ENOUGH)
    assert first["model_id"] == own_model().model_id
    assert first["n_trials"] == 3 + 1
    start = CALENDAR.shift(LONG_ENOUGH, 1)
    assert members(frame, "IBM", start) == {"base_rate": 0.0, "logistic": 0.0, "lstm": 0.0, "IBM": 1.0}
    is_own = (pl.col("ticker") == "IBM") & (pl.col("model_id") == own_model().model_id)
    own = frame.filter(is_own)
    assert own["session_date"].min() == start
    said = [json.loads(text)[-1] for text in own["ensemble"]]
    assert own["raw_probability_up"].to_list() == [member["probability_up"] for member in said]
    raw = ["ticker", "session_date", "model_id", "raw_probability_up", "expected_log_return", "ensemble"]
    others = frame.filter(~is_own).select(raw)
    assert others.equals(without().join(others, on=["ticker", "session_date"], how="semi").select(raw))
    before = pl.col("session_date") < start
    assert frame.filter(before).equals(without().filter(before))


def test_its_record_is_that_of_the_sessions_after_its_cutoff_and_a_short_one_is_not_judged() -> None:
    _, verdicts = promoted()
    own = verdicts.filter(pl.col("target_ticker") == "IBM").sort("cutoff_session")
    position = CALENDAR.index(CUTOFF)
    after = CALENDAR.index(LONG_ENOUGH) - 5 - position
    assert (
        own["n_sessions"][0] == after - 4
    )  # a vector of IBM is not known, and so four windows are not complete
    assert own["n_sessions"].max() == 60 - 5 + 1
    assert own["cutoff_session"].min() == LONG_ENOUGH
    refused = served_by(row(*TRAINED), gate=CLOSED)
    assert issue(DAYS, refused, market()).equals(issue(DAYS, service(CLOSED), market()))
    judged = refused.verdict_frame().filter(pl.col("target_ticker") == "IBM")
    assert set(judged["verdict"]) <= {"refused"}


def test_one_by_one_equals_the_range_and_the_future_moves_nothing() -> None:
    frame, _ = promoted()
    for session in (LONG_ENOUGH, CALENDAR.shift(LONG_ENOUGH, 1), date(2005, 1, 18)):
        first = CALENDAR.shift(session, -HISTORY)
        earlier = frame.filter(pl.col("session_date").is_between(first, CALENDAR.shift(session, -1)))
        seen = market().through(session)
        alone = issue([session], served_by(row(*TRAINED), seen=seen), seen, earlier)
        assert alone.equals(frame.filter(pl.col("session_date") == session)), session


def test_models_of_a_range_serve_only_what_nobody_had_predicted_when_they_came() -> None:
    late = served_by(row(*TRAINED, in_force_from=date(2004, 12, 15)))
    frame = issue(DAYS, late, market())
    first = late.verdict_frame().filter(pl.col("target_ticker") == "IBM")["cutoff_session"].min()
    assert first == date(2004, 12, 31)
    before = pl.col("session_date") <= first
    assert frame.filter(before).equals(without().filter(before))


def test_a_person_puts_it_in_charge_against_the_gate_and_takes_it_back() -> None:
    start, back = date(2004, 11, 10), date(2004, 12, 20)
    decided = [row("promote", "champion", start), row("rollback", "challenger", back)]
    frame = issue(DAYS, served_by(row(*TRAINED), *decided, gate=CLOSED), market())
    own = frame.filter(pl.col("model_id") == own_model().model_id)["session_date"]
    assert (own.min(), own.max()) == (start, CALENDAR.shift(back, -1))
    barred = issue(
        DAYS, served_by(row(*TRAINED), *decided), market()
    )  # the gate would have promoted it again
    assert barred.filter(pl.col("model_id") == own_model().model_id)["session_date"].max() < back


def test_a_model_is_not_judged_any_more_when_it_is_too_old() -> None:
    by = served_by(row(*TRAINED))
    assert by.own is not None
    by.own = replace(by.own, maximum_age_sessions=40)
    issue(DAYS, by, market())
    judged = by.verdict_frame().filter(pl.col("target_ticker") == "IBM")["cutoff_session"].to_list()
    assert judged == [LONG_ENOUGH]


def test_a_model_that_saw_the_session_it_would_serve_is_refused() -> None:
    with pytest.raises(LookAheadError, match=f"trained up to {CUTOFF} and is to serve {CUTOFF}"):
        issue(
            [day for day in SESSIONS if DAYS[0] <= day <= CUTOFF],
            served_by(row("promote", "champion", CUTOFF)),
        )


def test_a_fine_tuned_model_says_whom_it_is_for_and_comes_back_from_its_artifact() -> None:
    model = own_model()
    assert model.target_ticker == "IBM"
    assert recipe_id(model.manifest()) != recipe_id({**model.manifest(), "target_ticker": None})
    again = TrainedModel.from_artifact(model.arrays, json.loads(json.dumps(model.manifest())))
    assert json.dumps(again.manifest()) == json.dumps(model.manifest())
    assert again.cutoff_session == CUTOFF
    universal = trained_models()[0]
    assert "target_ticker" not in universal.manifest()
    assert TrainedModel.from_artifact(universal.arrays, universal.manifest()).target_ticker is None
