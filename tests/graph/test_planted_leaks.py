"""Seven planted leaks, each caught: the check that the clean pipeline passes is able to fail.

Each leak is planted into the running pipeline, which then builds two futures that part after ``PARTING``.
The same call of ``differences`` that finds nothing between the clean builds must name the table that the
leak reached first. Where the pipeline itself refuses the leak (a constraint of a table, a blocking check,
LookAheadError), that is shown too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from nextgen_assets import feature_selection, market_view, model_records, news_articles
from nextgen_assets.commands.graph_run import RunFailedError
from nextgen_assets.domain import features, news, scaling, training_data, training_job
from nextgen_assets.domain.features._trailing import trailing_sum
from nextgen_assets.domain.grid import Values
from nextgen_assets.domain.prices import Panel, build_panel
from nextgen_assets.domain.sessions import NEW_YORK
from nextgen_assets.domain.splits import SplitConfig
from nextgen_assets.domain.trained_model import registry_frame
from tests.graph.altered_world import AlteredMarket, Future
from tests.graph.futures import (
    SPAN,
    Difference,
    Stage,
    common_history,
    differences,
    prepare,
    report,
    train,
    world,
)
from tests.graph.harness import Built

pytestmark = pytest.mark.slow
PARTING = date(2005, 1, 31)
"""A month end, so that models are cut off there."""
FUTURES = (None, Future(PARTING))
RANGE = (SPAN[0], date(2005, 2, 15))


@dataclass(frozen=True)
class Outcome:
    """What the check says of two builds, and what the pipeline refused to build."""

    folders: tuple[Path, ...]
    found: dict[str, Difference]
    refusals: str


def prepare_range(scenario: Built) -> None:
    """Inputs in one run that goes beyond the parting."""
    scenario.run("prepare_unchecked_inputs", *RANGE)


def prepare_checked_range(scenario: Built) -> None:
    """The same with the asset checks of the inputs."""
    scenario.run("prepare_inputs", *RANGE)


def build_both(folder: Path, starts: tuple[Path, ...], stage: Stage) -> Outcome:
    """One stage of both futures, each in a folder of its own, and the check of the two."""
    folders = tuple(folder / name for name in ("real", "other"))
    scenarios: list[Built] = []
    refusals = []
    for target, future, start in zip(folders, FUTURES, starts, strict=True):
        with world(target, future, start) as scenario:
            try:
                stage(scenario)
            except RunFailedError as refused:
                refusals.append(str(refused))
            scenarios.append(scenario)
    return Outcome(folders, differences(scenarios[0], scenarios[1], PARTING), "\n".join(refusals))


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Where the leaks of the inputs start."""
    folder = common_history(tmp_path_factory.getbasetemp())
    return folder, folder


@pytest.fixture(scope="module")
def inputs(history: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The clean inputs of both futures, where the leaks of training start."""
    return build_both(tmp_path_factory.mktemp("inputs"), history, prepare)


def test_clean_pipeline_passes_the_check(inputs: Outcome, tmp_path: Path) -> None:
    models = build_both(tmp_path, inputs.folders, train)
    assert not inputs.refusals + models.refusals
    assert not inputs.found, report(inputs.found)
    assert not models.found, report(models.found)


def test_scaler_fitted_on_everything_is_caught(
    inputs: Outcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything: list[np.ndarray] = []
    build = training_data.TrainingData.build.__func__

    def remembering(cls: type, store: training_data.WindowStore, *rest: object) -> training_data.TrainingData:
        everything.append(store.gather(store.complete))
        return build(cls, store, *rest)

    monkeypatch.setattr(training_data.TrainingData, "build", classmethod(remembering))
    monkeypatch.setattr(
        training_job, "fit_pooled_scaler", lambda _vectors, _uses: scaling.fit_scaler(everything[-1])
    )
    assert "model_registry" in build_both(tmp_path, inputs.folders, train).found


def test_centred_window_is_caught(
    history: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_feature(
        monkeypatch, "return_5", lambda panel: ahead(trailing_sum(panel.fields["log_return"], 5), 2)
    )
    assert "feature_windows" in build_both(tmp_path, history, prepare_range).found


def test_feature_shifted_by_minus_one_is_caught(
    history: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_feature(monkeypatch, "return_1", lambda panel: ahead(panel.fields["log_return"], 1))
    assert "feature_windows" in build_both(tmp_path, history, prepare_range).found


def test_backward_fill_is_caught(
    history: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def filled(values: Values) -> Values:
        return pl.DataFrame(values).fill_nan(None).fill_null(strategy="backward").fill_null(np.nan).to_numpy()

    def backward_filled(*rows: object) -> Panel:
        panel = build_panel(*rows)
        fields = {name: filled(values).copy() for name, values in panel.fields.items()}
        return Panel(panel.sessions, panel.tickers, fields)

    monkeypatch.setattr(market_view, "build_panel", backward_filled)
    assert "feature_windows" in build_both(tmp_path, history, prepare_range).found


def test_labels_without_purge_are_refused_by_the_registry(
    inputs: Outcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_data, "rows_before_cutoff", rows_without_purge)
    outcome = build_both(tmp_path, inputs.folders, train)
    assert outcome.refusals.count("CHECK constraint") == len(FUTURES), outcome.refusals


def test_labels_without_purge_and_a_registry_that_lies_are_caught(
    inputs: Outcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lying(models: list[object]) -> pl.DataFrame:
        day_before = pl.col("cutoff_session") - pl.duration(days=1)
        return registry_frame(models).with_columns(
            labels_end_session="cutoff_session", last_training_session=day_before
        )

    monkeypatch.setattr(training_data, "rows_before_cutoff", rows_without_purge)
    monkeypatch.setattr(model_records, "registry_frame", lying)
    outcome = build_both(tmp_path, inputs.folders, train)
    assert not outcome.refusals
    assert "model_registry" in outcome.found


def test_news_of_the_evening_in_the_same_session_are_caught_and_stop_the_run(
    history: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        news,
        "admitting_sessions",
        lambda moments, calendar, delay: (
            moments.dt.convert_time_zone(str(NEW_YORK))
            .dt.date()
            .map_elements(calendar.on_or_after, return_dtype=pl.Date)
        ),
    )
    outcome = build_both(tmp_path, history, prepare_checked_range)
    assert "news_articles" in outcome.found
    assert "admitted_only_after_publication" in outcome.refusals


def test_news_minutes_after_the_cut_off_are_caught_and_refused_as_look_ahead(
    history: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    canonical = news.canonical_articles
    monkeypatch.setattr(
        news_articles,
        "canonical_articles",
        lambda raw, calendar, delay, **rest: canonical(raw, calendar, delay + 29, **rest),
    )
    outcome = build_both(tmp_path, history, prepare_range)
    assert {"news_articles", "news_sentiment"} <= outcome.found.keys()
    assert "learned after their cut-off" in outcome.refusals


def test_universe_of_survivors_is_caught(
    history: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listings = AlteredMarket.listings
    monkeypatch.setattr(
        AlteredMarket, "listings", lambda market: listings(market).filter(pl.col("last_session").is_null())
    )
    assert {"ticker_universe", "market_prices"} <= build_both(tmp_path, history, prepare_range).found.keys()


def replace_feature(monkeypatch: pytest.MonkeyPatch, name: str, compute: Callable[[Panel], Values]) -> None:
    """Exchange the formula of a feature; its name, and so the id of the feature set, stay."""
    known = dict(features.known_features())
    known[name] = replace(known[name], compute=compute)
    for module in (features, feature_selection):
        monkeypatch.setattr(module, "known_features", lambda: known)


def ahead(values: Values, n_sessions: int) -> Values:
    """The panel as it will stand ``n_sessions`` rows later."""
    shifted = np.full(values.shape, np.nan)
    shifted[:-n_sessions] = values[n_sessions:]
    return shifted


def rows_without_purge(
    session_index: np.ndarray, is_usable: np.ndarray, cutoff_index: int, config: SplitConfig
) -> np.ndarray:
    """Every window up to the cut-off, whether or not its label had ended."""
    oldest = cutoff_index - config.train_sessions + 1
    return np.flatnonzero(is_usable & (session_index >= oldest) & (session_index <= cutoff_index))
