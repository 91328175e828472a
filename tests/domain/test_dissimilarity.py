"""The dissimilarity of windows: new draws of the same world pass, another world does not."""

from __future__ import annotations

import numpy as np
import pytest

from nextgen_assets.domain.dissimilarity import WindowReference, fit_reference
from nextgen_assets.domain.live_models import live_model
from nextgen_assets.domain.pooled_windows import PooledWindows
from tests.domain.planted_market import SESSIONS, planted_market, trained_models

N_SESSIONS, N_TICKERS, LOOKBACK, N_FEATURES = 300, 4, 10, 6
SESSION_INDEX = np.repeat(np.arange(N_SESSIONS), N_TICKERS)


def windows(seed: int, n: int = N_SESSIONS * N_TICKERS) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, LOOKBACK, N_FEATURES)).astype(np.float32)


def reference() -> WindowReference:
    found = fit_reference(PooledWindows.of(windows(0)), SESSION_INDEX, gap_sessions=15)
    assert found is not None
    return found


def test_new_windows_of_the_same_world_lie_inside_the_limit() -> None:
    assert (reference().dissimilarity(windows(1)) > 1).mean() < 0.02


@pytest.mark.parametrize("strange", ["last vector", "level", "spread"])
def test_a_strange_day_a_strange_level_and_a_strange_spread_lie_outside(strange: str) -> None:
    altered = windows(2)
    if strange == "last vector":
        altered[:, -1] += 4
    elif strange == "level":
        altered += 1.5
    else:
        altered *= 4
    assert (reference().dissimilarity(altered) > 1).mean() > 0.95


def test_further_away_is_more_unlike() -> None:
    base = windows(3, 50)
    means = [reference().dissimilarity(base + shift).mean() for shift in (0.0, 0.5, 1.0, 2.0, 4.0)]
    assert means == sorted(means)


def test_the_index_is_the_plain_distance_to_the_nearest_point() -> None:
    found, asked = reference(), windows(4, 7)
    summary = np.concatenate([asked[:, -1], asked.mean(axis=1)], axis=1).astype(float)
    plain = np.sqrt(((summary[:, None] - found.points[None].astype(float)) ** 2).sum(axis=2)).min(axis=1)
    assert found.dissimilarity(asked) == pytest.approx(plain / found.limit, rel=1e-6)


def test_a_window_alone_has_the_bits_that_it_has_in_a_batch() -> None:
    found, asked = reference(), windows(5, 40)
    together = found.dissimilarity(asked)
    alone = np.concatenate([found.dissimilarity(asked[row : row + 1]) for row in range(40)])
    assert alone.tobytes() == together.tobytes()


def test_the_limit_is_learned_from_other_times_only() -> None:
    """Ten sessions repeat each window: were neighbours allowed, every distance would be 0."""
    repeated = np.repeat(windows(6, 30), 40, axis=0)
    near = fit_reference(PooledWindows.of(repeated), SESSION_INDEX, gap_sessions=0)
    far = fit_reference(PooledWindows.of(repeated), SESSION_INDEX, gap_sessions=15)
    assert near is None
    assert far is not None
    assert far.limit > 1


def test_windows_that_do_not_differ_or_span_no_time_give_no_limit() -> None:
    assert fit_reference(PooledWindows.of(np.ones((50, 3, 2), np.float32)), np.arange(50), 5) is None
    assert fit_reference(PooledWindows.of(windows(0, 5)), np.arange(5), 10) is None


def test_the_reference_travels_with_the_model() -> None:
    trained = trained_models()[0]
    model = live_model(trained.arrays, trained.manifest())
    tensor = planted_market().store.at(SESSIONS[200]).tensor
    usual = model.dissimilarity(tensor)
    assert usual is not None
    assert (usual < 1.5).all()
    assert (model.dissimilarity(tensor * 30) > 1.5).all()  # type: ignore[operator]
    bare = {name: array for name, array in trained.arrays.items() if not name.startswith("reference.")}
    assert live_model(bare, trained.manifest()).dissimilarity(tensor) is None
