"""The scaler: fitted on the past, applied value by value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nextgen_assets.domain.scaling import FeatureScaler, NonFiniteValuesError, fit_scaler


def test_two_vectors_scale_to_minus_and_plus_one() -> None:
    scaler = fit_scaler(np.array([[[1.0, 10.0]], [[3.0, 30.0]]], dtype=np.float32))
    assert scaler.mean.tolist() == [2.0, 20.0]
    assert scaler.scale.tolist() == [1.0, 10.0]
    assert scaler.transform(np.array([[3.0, 10.0]])).tolist() == [[1.0, -1.0]]
    assert scaler.notes == ()


def test_values_beyond_five_deviations_are_clipped() -> None:
    scaler = FeatureScaler(np.array([0.0]), np.array([2.0]))
    assert scaler.transform(np.array([[100.0], [-100.0], [9.0]])).tolist() == [[5.0], [-5.0], [4.5]]


def test_a_constant_feature_gets_scale_one_and_a_note() -> None:
    windows = np.full((4, 3, 2), 0.1, dtype=np.float32)
    windows[:, :, 1] = np.arange(12).reshape(4, 3)
    scaler = fit_scaler(windows)
    assert scaler.scale[0] == 1.0
    assert scaler.constant_features == (0,)
    assert scaler.notes == ("feature 0 is constant in the training windows; scaled by 1",)
    assert np.abs(scaler.transform(windows)[:, :, 0]).max() < 1e-7


def test_a_small_but_real_spread_is_not_a_constant() -> None:
    windows = np.array([[[1e-8]], [[3e-8]]], dtype=np.float32)
    assert fit_scaler(windows).constant_features == ()


def test_nan_is_refused_with_its_count_on_fitting_and_scaling() -> None:
    windows = np.zeros((2, 2, 2), dtype=np.float32)
    windows[0, 0, :] = np.nan
    with pytest.raises(NonFiniteValuesError, match=r"training windows: 2 of 8"):
        fit_scaler(windows)
    with pytest.raises(NonFiniteValuesError, match=r"windows to scale: 2 of 8"):
        FeatureScaler(np.zeros(2), np.ones(2)).transform(windows)


def test_no_windows_and_another_feature_count_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(0, 2, 2\)"):
        fit_scaler(np.zeros((0, 2, 2), dtype=np.float32))
    with pytest.raises(ValueError, match="3 features, the scaler was fitted on 2"):
        FeatureScaler(np.zeros(2), np.ones(2)).transform(np.zeros((1, 3)))


def test_a_scaler_survives_its_arrays_bit_for_bit() -> None:
    windows = np.random.default_rng(0).standard_normal((30, 4, 3)).astype(np.float32)
    windows[:, :, 2] = 7.0
    scaler = fit_scaler(windows)
    again = FeatureScaler.from_arrays(scaler.arrays())
    assert again.constant_features == (2,)
    assert again.transform(windows).tobytes() == scaler.transform(windows).tobytes()


@settings(deadline=None)
@given(arrays(np.float32, (5, 2, 3), elements=st.floats(-1e6, 1e6, width=32)), st.integers(0, 4))
def test_a_window_scales_to_the_same_bits_alone_and_in_a_batch(windows: np.ndarray, row: int) -> None:
    scaler = fit_scaler(windows)
    together = scaler.transform(windows)
    assert together.dtype == np.float32
    assert together[row].tobytes() == scaler.transform(windows[row : row + 1])[0].tobytes()
    assert np.abs(together).max() <= 5.0
