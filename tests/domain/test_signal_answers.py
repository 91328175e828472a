"""Who gets a model of its own, who does not and why; in order of time, once, and never in a storm."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from nextgen_assets.domain.sessions import xnys
from nextgen_assets.domain.signal_answers import AnswerRules, Answers, NotTrained, sessions_to_train
from nextgen_assets.domain.trained_model import TrainedModel

CALENDAR = xnys()
DAYS = CALENDAR.between(date(2004, 3, 1), date(2005, 2, 28))
RULES = AnswerRules(cooldown_sessions=20, budget_models=3, budget_sessions=10)


def signal(place: int, ticker: str | None, confidence: float = 0.99, reason: str = "brier") -> dict[str, Any]:
    return {
        "signal_id": f"{place:03d}-{ticker}-{reason}",
        "session_date": DAYS[place],
        "ticker": ticker,
        "reason": reason,
        "confidence": confidence,
    }


def frame(*signals: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(signals), schema_overrides={"ticker": pl.String})


class Training:
    """Gives a model for whom it is asked, and remembers that."""

    def __init__(self, *refused: str) -> None:
        self.asked: list[tuple[str, date]] = []
        self._refused = refused

    def __call__(self, ticker: str, session: date) -> TrainedModel | NotTrained:
        self.asked.append((ticker, session))
        if ticker in self._refused:
            return NotTrained("too_little_history", "it is new")
        return SimpleNamespace(model_id=f"{ticker}@{session}")  # type: ignore[return-value]


def answered(
    signals: pl.DataFrame, before: pl.DataFrame | None = None, rules: AnswerRules = RULES, *refused: str
) -> tuple[pl.DataFrame, Training]:
    empty = Answers(rules, CALENDAR).frame()
    plan, training = Answers.after(empty if before is None else before, rules, CALENDAR), Training(*refused)
    plan.answer(signals, training)
    return plan.frame(), training


def outcomes(rows: pl.DataFrame) -> dict[str, str]:
    return dict(rows.select("signal_id", "outcome").iter_rows())


def test_a_ticker_gets_a_model_and_the_universe_is_left_to_its_month() -> None:
    rows, training = answered(frame(signal(5, "IBM"), signal(5, None), signal(6, None)))
    assert outcomes(rows) == {
        "005-IBM-brier": "trained",
        "005-None-brier": "left_to_the_month",
        "006-None-brier": "left_to_the_month",
    }
    assert training.asked == [("IBM", DAYS[5])]
    named = rows.filter(ticker="IBM").row(0, named=True)
    assert named["model_id"] == f"IBM@{DAYS[5]}"
    assert "end of March 2004" in rows.filter(pl.col("ticker").is_null())["reason"][0]
    assert sessions_to_train(frame(signal(5, "IBM"), signal(7, "AAPL"), signal(6, None))) == [
        DAYS[5],
        DAYS[7],
    ]


def test_two_reasons_of_one_session_are_answered_by_one_model() -> None:
    rows, training = answered(frame(signal(5, "IBM"), signal(5, "IBM", reason="coverage")))
    assert set(rows["outcome"]) == {"trained"}
    assert rows["model_id"].n_unique() == 1
    assert len(training.asked) == 1


def test_a_ticker_cools_down_for_just_as_long_as_the_rules_say() -> None:
    rows, _ = answered(frame(signal(5, "IBM"), signal(24, "IBM"), signal(25, "IBM")))
    assert list(outcomes(rows).values()) == ["trained", "cooling_down", "trained"]
    assert str(DAYS[25]) in rows.filter(outcome="cooling_down")["reason"][0]


def test_the_budget_goes_to_the_surest_and_comes_back() -> None:
    confidences = {"A": 0.991, "B": 0.999, "C": 0.995, "D": 0.992, "E": 0.997}
    crowd = [signal(5, ticker, confidence) for ticker, confidence in confidences.items()]
    rows, training = answered(frame(*crowd, signal(14, "F"), signal(15, "G")))
    assert [ticker for ticker, _ in training.asked] == ["B", "E", "C", "G"]
    assert outcomes(rows)["014-F-brier"] == "over_budget"
    assert "3 models of single tickers in the last 10 sessions" in rows.filter(ticker="F")["reason"][0]


def test_a_training_that_could_not_be_costs_neither_budget_nor_rest() -> None:
    signals = frame(signal(5, "NEW"), signal(5, "NEW", reason="coverage"), signal(9, "NEW"))
    rows, training = answered(signals, None, RULES, "NEW")
    assert set(rows["outcome"]) == {"too_little_history"}
    assert training.asked == [("NEW", DAYS[5]), ("NEW", DAYS[9])]


def test_switched_off_says_so_and_trains_nothing() -> None:
    rows, training = answered(
        frame(signal(5, "IBM"), signal(5, None)), None, replace(RULES, is_enabled=False)
    )
    assert set(rows["outcome"]) == {"switched_off"}
    assert not training.asked


@pytest.mark.parametrize("n_parts", [2, 7, 40])
def test_parts_in_order_of_time_give_what_the_whole_gives(n_parts: int) -> None:
    signals = frame(
        *(signal(2 * place, "ABCDE"[place % 5], 0.99 + place % 5 / 1000) for place in range(70)),
        *(signal(5 * place + 1, None) for place in range(30)),
    )
    whole, _ = answered(signals)
    assert {"trained", "cooling_down", "over_budget", "left_to_the_month"} == set(whole["outcome"])
    size = len(DAYS) // n_parts + 1
    rows = whole.head(0)
    for start in range(0, len(DAYS), size):
        part = signals.filter(pl.col("session_date").is_in(DAYS[start : start + size]))
        rows = pl.concat([rows, answered(part, rows)[0]])
    assert rows.sort("session_date", "signal_id").equals(whole)


def test_what_is_answered_later_plays_no_part_for_earlier_sessions() -> None:
    late, _ = answered(frame(signal(30, "IBM"), signal(31, "A"), signal(31, "B")))
    rows, _ = answered(frame(signal(28, "IBM"), signal(29, "C")), late)
    assert set(rows["outcome"]) == {"trained"}
