"""Cut-offs that go on from earlier ones, and training that is cut off and goes on: the same bytes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import pytest

from nextgen_assets.domain.models import Arrays, RefinableFamily, load_family
from nextgen_assets.domain.trained_model import TrainedModel
from nextgen_assets.domain.training import train_cutoff
from nextgen_assets.domain.training_job import TrainingSettings
from nextgen_assets.domain.walk_forward import anchor_month, walk_forward
from tests.domain.planted_market import CUTOFFS, SETTINGS, planted_market, trained_models, training_data

ANCHORS = {CUTOFFS[0]: CUTOFFS[0], CUTOFFS[1]: CUTOFFS[0], CUTOFFS[2]: CUTOFFS[0]}


@dataclass
class Memory:
    """Checkpoints in memory; fails once so many were saved."""

    kept: dict[str, Arrays] = field(default_factory=dict)
    saves_left: int = 10**9

    def load(self, key: str) -> Arrays | None:
        return dict(self.kept[key]) if key in self.kept else None

    def save(self, key: str, arrays: Arrays) -> None:
        if not self.saves_left:
            raise KeyboardInterrupt
        self.saves_left -= 1
        self.kept[key] = {name: array.copy() for name, array in arrays.items()}


def chosen(*cutoffs: date) -> list[tuple[object, date]]:
    data = training_data(planted_market())
    return [(data, cutoff) for cutoff in cutoffs]


def ids(models: list[TrainedModel] | tuple[TrainedModel, ...]) -> list[str]:
    return [model.model_id for model in models]


def test_blocks_of_months_begin_at_the_same_months_whatever_is_asked_for() -> None:
    months = [date(2004, month, 1) for month in range(1, 13)]
    assert {anchor_month(month, 12) for month in months} == {date(2004, 1, 1)}
    assert [anchor_month(month, 3).month for month in months] == [1, 1, 1, 4, 4, 4, 7, 7, 7, 10, 10, 10]
    assert [anchor_month(month, 1) for month in months] == months


def test_a_cutoff_that_goes_on_gives_the_bytes_alone_that_it_gives_in_a_range() -> None:
    together = walk_forward(chosen(*CUTOFFS), ANCHORS)
    alone = walk_forward(chosen(CUTOFFS[0], CUTOFFS[2]), {CUTOFFS[2]: CUTOFFS[0]})
    assert ids(alone) == [model.model_id for model in together if model.cutoff_session == CUTOFFS[2]]
    assert [model.cutoff_session for model in together] == sorted(model.cutoff_session for model in together)


def test_only_networks_go_on_and_say_from_which_model() -> None:
    models = walk_forward(chosen(*CUTOFFS), ANCHORS)
    scratch = {(model.cutoff_session, model.family): model.model_id for model in trained_models()}
    anchor = scratch[CUTOFFS[0], "lstm"]
    for model in models:
        goes_on = model.family == "lstm" and model.cutoff_session != CUTOFFS[0]
        assert model.metrics.get("started_from") == (anchor if goes_on else None)
        assert (model.model_id == scratch[model.cutoff_session, model.family]) is not goes_on


def test_an_anchor_that_cannot_be_trained_leaves_its_months_from_scratch() -> None:
    models = walk_forward(chosen(*CUTOFFS[1:]), dict.fromkeys(CUTOFFS[1:], CUTOFFS[0]))
    assert ids(models) == [model.model_id for model in trained_models() if model.cutoff_session > CUTOFFS[0]]


def test_two_workers_go_on_to_the_same_bytes_and_report_every_cutoff() -> None:
    lines: list[str] = []
    models = walk_forward(chosen(*CUTOFFS), ANCHORS, 2, report=lines.append)
    assert ids(models) == ids(walk_forward(chosen(*CUTOFFS), ANCHORS))
    assert ids(models[:3]) == ids(trained_models()[:3])
    assert [line.split(":")[0] for line in lines] == [f"cut-off {cutoff}" for cutoff in CUTOFFS]
    assert "360 windows; base_rate 1 step, logistic 6 steps, lstm 2 steps" in lines[0]


@pytest.mark.parametrize("saves", range(5))
def test_training_that_was_cut_off_goes_on_to_the_same_bytes(saves: int) -> None:
    job = training_data(planted_market()).job(CUTOFFS[0])
    memory = Memory(saves_left=saves)
    with pytest.raises(KeyboardInterrupt):
        train_cutoff(job, memory)
    assert len(memory.kept) == min(
        saves, 3
    )  # base rate, logistic; then two passes of the network under one name
    memory.saves_left = 10**9
    again = train_cutoff(job, memory)
    whole = [model for model in trained_models() if model.cutoff_session == CUTOFFS[0]]
    assert ids(again) == ids(whole)
    assert [model.curve for model in again] == [model.curve for model in whole]


def test_what_was_finished_is_not_trained_again(monkeypatch: pytest.MonkeyPatch) -> None:
    job, memory = training_data(planted_market()).job(CUTOFFS[0]), Memory()
    before = train_cutoff(job, memory)
    monkeypatch.setattr("nextgen_assets.domain.models.lstm.fit_network", None)
    assert ids(train_cutoff(job, memory)) == ids(before)


def test_a_checkpoint_of_other_data_is_not_taken() -> None:
    memory, market = Memory(), planted_market()
    train_cutoff(training_data(market).job(CUTOFFS[0]), memory)
    changed = market.matrix.copy()
    changed[0, 100, 0] += 0.5
    job = training_data(replace(market, matrix=changed)).job(CUTOFFS[0])
    assert ids(train_cutoff(job, memory)) == ids(train_cutoff(job))


@pytest.mark.parametrize("family", ["lstm", "attentive_lstm"])
def test_refining_keeps_the_start_where_no_pass_validates_better(family: str) -> None:
    settings = TrainingSettings({family: SETTINGS.families["lstm"]}, SETTINGS.split)
    job = training_data(planted_market(), settings).job(CUTOFFS[0])
    one = load_family(family)
    assert isinstance(one, RefinableFamily)
    rows = np.arange(len(job.windows))
    part = job.part(rows, job.windows.vectors)
    config = one.config_from({"hidden_size": 4, "epochs": 3, "batch_size": 64})
    model = one.fit(part, part, config, 1)
    hopeless = one.config_from(
        {"hidden_size": 4, "learning_rate": 1.0, "refining_rate": 50.0, "batch_size": 64}
    )
    again = one.refine(model.arrays(), part, part, hopeless, 1)
    for name, array in model.arrays().items():
        assert array.tobytes() == again.arrays()[name].tobytes()
    better = one.refine(model.arrays(), part, part, config, 1)
    assert better.curve[-1].validation_loss < model.curve[-1].validation_loss
