"""How unlike its training windows a window is: beyond the limit that training itself knew, a model abstains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nextgen_assets.domain.pooled_windows import PooledWindows

Floats = npt.NDArray[np.float64]

REFERENCE_POINTS = 200
_HELD_OUT = 600
_WHISKER = 1.5
_NO_DISTANCE = 1e-6
"""Below this, windows are the same but for the rounding of their points."""


@dataclass(frozen=True, eq=False)
class WindowReference:
    """Training windows that stand for all of them, and how far from them training windows of other times lie.

    Parameters
    ----------
    points : ndarray of float32, shape (n_points, 2 * n_features)
        Summaries of scaled windows.
    limit : float
        Distance to the nearest point beyond which a window is unlike what was learned; positive.
    """

    points: npt.NDArray[np.float32]
    limit: float

    def dissimilarity(self, windows: npt.NDArray[np.float32]) -> Floats:
        """Distance to the nearest training window over the limit, (n_windows,): above 1 is unlike training.

        Parameters
        ----------
        windows : ndarray of float32, shape (n_windows, lookback, n_features)
            Scaled by the scaler of the model, finite.

        Notes
        -----
        Pair by pair: a window gets the same bits in any batch.
        """
        return _nearest(_summaries(windows), self.points.astype(np.float64)) / self.limit

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The reference as named arrays, for an artifact."""
        return {"points": self.points, "limit": np.array(self.limit, dtype=np.float64)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> WindowReference:
        """The reference that :meth:`arrays` described."""
        return cls(arrays["points"].astype(np.float32), float(arrays["limit"]))


def fit_reference(
    windows: PooledWindows, session_index: npt.NDArray[np.int64], gap_sessions: int
) -> WindowReference | None:
    """Choose the points and learn the limit from training windows.

    The dissimilarity index of a window is its distance to the nearest training window. Its threshold is the
    largest index of training windows, each against points of other times only, that is no outlier: the upper
    whisker of a box plot, third quartile plus 1.5 times the distance between the quartiles at most.

    Parameters
    ----------
    windows : PooledWindows
        Scaled training windows by session, finite.
    session_index : ndarray of int64, shape (n_windows,)
        Calendar position of each window's session, ascending.
    gap_sessions : int
        Windows closer in time share sessions or targets and say nothing about how far new ones will lie.

    Returns
    -------
    WindowReference or None
        None where the windows do not differ or span no more than the gap.

    References
    ----------
    Meyer, H. and Pebesma, E. (2021). Predicting into unknown space? Estimating the area of applicability of spatial
    prediction models. Methods in Ecology and Evolution 12, sections 2.2 and 2.3.

    Notes
    -----
    A window is summarised by its last vector and its mean, so that a strange day and a strange month both show. The
    index of the paper is divided by the mean distance of the training windows, which cancels in the
    ratio to the threshold. As-of rule: the caller passes the fitting part of the training past.
    """
    chosen = _spread(len(windows), REFERENCE_POINTS)
    held_out = _spread(len(windows), _HELD_OUT)
    points = _summaries(windows.take(chosen).whole()).astype(np.float32)
    apart = np.abs(session_index[held_out][:, None] - session_index[chosen][None, :]) > gap_sessions
    held_out, apart = held_out[apart.any(axis=1)], apart[apart.any(axis=1)]
    if not held_out.size:
        return None
    nearest = _nearest(_summaries(windows.take(held_out).whole()), points.astype(np.float64), apart)
    low, high = np.quantile(nearest, [0.25, 0.75])
    limit = float(nearest[nearest <= high + _WHISKER * (high - low)].max())
    return WindowReference(points, limit) if limit > _NO_DISTANCE else None


def _spread(n: int, wanted: int) -> npt.NDArray[np.int64]:
    """At most ``wanted`` positions, evenly over 0 to n - 1."""
    return np.unique(np.linspace(0, n - 1, min(n, wanted)).round().astype(np.int64))


def _summaries(windows: npt.NDArray[np.float32]) -> Floats:
    """Last vector and mean of each window, (n_windows, 2 * n_features); session by session, in float64."""
    mean = np.zeros((windows.shape[0], windows.shape[2]))
    for step in range(windows.shape[1]):
        mean += windows[:, step]
    return np.concatenate([windows[:, -1].astype(np.float64), mean / windows.shape[1]], axis=1)


def _nearest(summaries: Floats, points: Floats, allowed: npt.NDArray[np.bool_] | None = None) -> Floats:
    from scipy.spatial.distance import cdist

    distances = cdist(summaries, points)
    if allowed is not None:
        distances = np.where(allowed, distances, np.inf)
    return np.asarray(distances.min(axis=1))
