"""The account of training: every second in one stage, and nothing learned otherwise because of it."""

from __future__ import annotations

import itertools

import pytest

from nextgen_assets.domain.training import train_cutoff
from nextgen_assets.domain.training_account import TrainingAccount, accounted_in, spent_on
from tests.domain.planted_market import CUTOFFS, planted_market, trained_models, training_data


def test_every_tick_of_a_training_is_in_one_stage_and_no_bit_moves() -> None:
    ticks = itertools.count()
    account = TrainingAccount(lambda: float(next(ticks)))
    job = training_data(planted_market()).job(CUTOFFS[0])
    with accounted_in(account), spent_on("train"):
        models = train_cutoff(job)
    assert sum(account.seconds.values()) == next(ticks) - 1
    known = {model.model_id for model in trained_models()}
    assert {model.model_id for model in models} <= known
    inner = {path[1:] for path in account.seconds if path[0] == "train"}
    assert {
        ("lstm", stage) for stage in ("gather", "forward", "backward", "optimiser", "checkpoint")
    } <= inner
    assert {("lstm", "validation", "gather"), ("lstm", "validation", "forward")} <= inner
    assert {
        ("split and scaler",),
        ("dissimilarity",),
        ("scores, bootstrap",),
        ("scores, prediction",),
    } <= inner


def test_a_stage_that_fails_ends_all_the_same() -> None:
    ticks = iter([0.0, 2.0, 3.0, 7.0])
    account = TrainingAccount(lambda: next(ticks))
    with pytest.raises(RuntimeError), accounted_in(account), spent_on("outer"), spent_on("inner"):
        raise RuntimeError
    assert account.seconds == {("outer",): 6.0, ("outer", "inner"): 1.0}
    with spent_on("later"):
        pass
    assert len(account.seconds) == 2
