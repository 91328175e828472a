"""Feature scaling fitted on the training past only, so that no later value shapes an earlier input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

CLIP_STANDARD_DEVIATIONS = 5.0
_RELATIVE_SPREAD_OF_A_CONSTANT = 1e-7
"""Below this share of its own magnitude the spread of a float32 feature is rounding, not signal."""


class NonFiniteValuesError(ValueError):
    """An array that must be finite holds NaN or infinity."""


def refuse_non_finite(values: npt.NDArray[np.floating], what: str) -> None:
    """Raise when ``values`` holds NaN or infinity.

    Parameters
    ----------
    values : ndarray
        Any shape.
    what : str
        Name of the array for the message.

    Raises
    ------
    NonFiniteValuesError
        With the number of such values; drop the incomplete windows before calling.
    """
    finite = np.isfinite(values)
    if not finite.all():
        broken = int(values.size - np.count_nonzero(finite))
        raise NonFiniteValuesError(
            f"{what}: {broken} of {values.size} values are NaN or infinite (shape {values.shape}), "
            "expected none; pass complete windows only (is_complete = true)"
        )


@dataclass(frozen=True)
class FeatureScaler:
    r"""Standardise each feature and clip it: ``clip((x - mean) / scale, -5, 5)``.

    Parameters
    ----------
    mean, scale : ndarray of float64, shape (n_features,)
        Moments of the training windows; ``scale`` is positive.
    constant_features : tuple of int
        Positions of features that did not vary in training; their scale is 1.
    """

    mean: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]
    constant_features: tuple[int, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the model should know about its inputs; empty when nothing is unusual."""
        return tuple(
            f"feature {position} is constant in the training windows; scaled by 1"
            for position in self.constant_features
        )

    def transform(self, windows: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """Scale windows; each value depends on itself alone, never on the batch.

        Parameters
        ----------
        windows : ndarray, shape (..., n_features)
            Raw features, float32 or float64, finite.

        Returns
        -------
        ndarray of float32
            Same shape, C-contiguous.

        Raises
        ------
        NonFiniteValuesError
            If a value is NaN or infinite.
        ValueError
            If the last axis does not have the features of the training windows.
        """
        if windows.shape[-1] != self.mean.size:
            raise ValueError(
                f"windows have {windows.shape[-1]} features, the scaler was fitted on {self.mean.size}; "
                "use the feature set that the model was trained with"
            )
        refuse_non_finite(windows, "windows to scale")
        return self.standardise(windows)

    def standardise(self, vectors: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """:meth:`transform` of vectors some of which may be unknown: NaN stays NaN."""
        standardised = (np.asarray(vectors, dtype=np.float64) - self.mean) / self.scale
        clipped = np.clip(standardised, -CLIP_STANDARD_DEVIATIONS, CLIP_STANDARD_DEVIATIONS)
        return np.ascontiguousarray(clipped, dtype=np.float32)

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """The scaler as named arrays, for an artifact."""
        constant = np.asarray(self.constant_features, dtype=np.int64)
        return {"mean": self.mean, "scale": self.scale, "constant_features": constant}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[np.generic]]) -> FeatureScaler:
        """The scaler that :meth:`arrays` described."""
        constant = tuple(int(position) for position in arrays["constant_features"])
        return cls(arrays["mean"].astype(np.float64), arrays["scale"].astype(np.float64), constant)


def fit_scaler(windows: npt.NDArray[np.floating]) -> FeatureScaler:
    """Mean and standard deviation (ddof 0) of each feature over all vectors of the training windows.

    Parameters
    ----------
    windows : ndarray, shape (n_windows, lookback, n_features)
        Raw training windows, finite.

    Returns
    -------
    FeatureScaler
        A constant feature gets scale 1 and a note.

    Raises
    ------
    NonFiniteValuesError
        If a value is NaN or infinite.
    ValueError
        If there is no window.

    Notes
    -----
    As-of rule: the caller passes the fitting part of the training past, never its validation part.
    """
    if windows.ndim != 3 or windows.shape[0] == 0:
        raise ValueError(
            f"training windows have shape {windows.shape}, expected (n_windows > 0, lookback, n_features)"
        )
    refuse_non_finite(windows, "training windows")
    vectors = np.asarray(windows, dtype=np.float64).reshape(-1, windows.shape[-1])
    return _scaler(vectors.mean(axis=0), vectors.std(axis=0))


def fit_pooled_scaler(vectors: npt.NDArray[np.floating], uses: npt.NDArray[np.int64]) -> FeatureScaler:
    """As :func:`fit_scaler`, of windows that share their vectors: each counts as often as it is used.

    Parameters
    ----------
    vectors : ndarray, shape (n_vectors, n_features)
        Finite where they are used.
    uses : ndarray of int64, shape (n_vectors,)
        Windows that each vector is part of; not all zero.
    """
    is_used = uses > 0
    if not is_used.any():
        raise ValueError(f"no one of {uses.size} vectors is used by a training window, expected at least one")
    refuse_non_finite(vectors[is_used], "training windows")
    values, weight = np.asarray(vectors[is_used], dtype=np.float64), uses[is_used] / uses.sum()
    mean = weight @ values
    return _scaler(mean, np.sqrt(weight @ (values - mean) ** 2))


def _scaler(mean: npt.NDArray[np.float64], spread: npt.NDArray[np.float64]) -> FeatureScaler:
    is_constant = spread <= _RELATIVE_SPREAD_OF_A_CONSTANT * np.maximum(np.abs(mean), 1e-30)
    scale = np.where(is_constant, 1.0, spread)
    return FeatureScaler(mean, scale, tuple(int(position) for position in np.flatnonzero(is_constant)))
