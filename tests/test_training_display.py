"""What people see of training: counted lines, passes of a single cut-off, a bar where there is a terminal."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from nextgen_assets.domain.models import CurvePoint, LabelledWindows, load_family
from nextgen_assets.domain.training_progress import PassDone, heard_by
from nextgen_assets.model_registry import curve_frame
from nextgen_assets.pictures import learning_curves
from nextgen_assets.training_display import TrainingDisplay, hosted_by

PASS = PassDone("lstm", 2, 8, 0.61234, 0.65)
SAID = "lstm pass 2 of at most 8: loss 0.6123, validation 0.6500"


def test_every_cutoff_is_a_line_with_what_is_left() -> None:
    lines: list[str] = []
    seconds = iter([100.0, 110.0, 130.0, 150.0])
    display = TrainingDisplay(3, lines.append, lambda: next(seconds))
    with display.shown(Console(file=io.StringIO())):
        for number in range(3):
            display.cutoff_done(f"cut-off {number}")
            display.passed(PASS)
    assert lines == [
        "1 of 3: cut-off 0; about 20 s left",
        "2 of 3: cut-off 1; about 15 s left",
        "3 of 3: cut-off 2",
    ]


def test_the_passes_of_a_single_cutoff_are_lines_too() -> None:
    lines: list[str] = []
    TrainingDisplay(1, lines.append).passed(PASS)
    assert lines == [SAID]


def test_a_terminal_gets_a_bar_and_a_file_does_not() -> None:
    for is_terminal in (True, False):
        written = io.StringIO()
        console = Console(file=written, force_terminal=is_terminal, width=120)
        display = TrainingDisplay(2, lambda line: None)
        with display.shown(console):
            display.passed(PASS)
            display.cutoff_done("cut-off 0")
        said = written.getvalue()
        assert ("training" in said and "1/2" in said) is is_terminal
        assert bool(said) is is_terminal


def test_a_display_that_is_up_shows_it_instead() -> None:
    shown: list[str] = []
    written = io.StringIO()
    display = TrainingDisplay(2, lambda line: None)
    with hosted_by(shown.append), display.shown(Console(file=written, force_terminal=True)):
        display.passed(PASS)
        display.cutoff_done("cut-off 0")
    assert shown[0] == SAID
    assert shown[1].startswith("1 of 2 cut-offs; about ")
    assert not written.getvalue()


@pytest.mark.parametrize("family", ["lstm", "attentive_lstm"])
def test_a_network_tells_of_every_pass_in_its_curve(family: str) -> None:
    rng = np.random.default_rng(0)
    windows = rng.standard_normal((80, 4, 3), dtype=np.float32)
    part = LabelledWindows(windows, rng.standard_normal(80), np.ones(80), np.arange(80))
    model = load_family(family)
    config = model.config_from({"hidden_size": 2, "epochs": 3, "patience": 3})
    heard: list[PassDone] = []
    with heard_by(heard.append):
        fitted = model.fit(part, part, config, 1)
    model.fit(part, part, config, 1)
    points = [(done.epoch, done.training_loss, done.validation_loss) for done in heard]
    assert points == [(point.epoch, point.training_loss, point.validation_loss) for point in fitted.curve]
    assert {(done.family, done.epochs) for done in heard} == {(family, 3)}


def test_the_picture_shows_the_newest_model_of_every_family() -> None:
    def model(family: str, *losses: float) -> Any:
        return SimpleNamespace(family=family, curve=[CurvePoint(n, x, x) for n, x in enumerate(losses, 1)])

    models = [
        model("base_rate", 0.7),
        model("lstm", 0.9, 0.8),
        model("base_rate", 0.6),
        model("lstm", 0.5, 0.4),
    ]
    shown = curve_frame(models)
    assert shown.rows() == [("base_rate", 1, 0.6, 0.6), ("lstm", 1, 0.5, 0.5), ("lstm", 2, 0.4, 0.4)]
    assert len(learning_curves(shown).png) != len(learning_curves(shown.filter(family="lstm")).png)
