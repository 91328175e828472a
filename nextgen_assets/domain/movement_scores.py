"""Accuracy and Matthews correlation of calls, with day-clustered intervals and paired differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nextgen_assets.domain.grid import Index, Values
from nextgen_assets.domain.intervals import BootstrapConfig, Interval, block_weights

Score = Callable[[Values], Values]
BOOTSTRAP = BootstrapConfig(block_sessions=5, n_draws=2_000)


def accuracy_of(counts: Values) -> Values:
    """Share of right calls; ``counts`` (..., 4) are true ups, true downs, false ups, false downs."""
    return np.asarray((counts[..., 0] + counts[..., 1]) / counts.sum(axis=-1))


def mcc_of(counts: Values) -> Values:
    """Correlation of calls and outcomes; 0 where either never changes.

    ``(tp tn - fp fn) / sqrt((tp + fp)(tp + fn)(tn + fp)(tn + fn))``.

    References
    ----------
    Matthews, B. W. (1975). Comparison of the predicted and observed secondary structure of T4 phage lysozyme.

    Examples
    --------
    >>> round(float(mcc_of(np.array([6.0, 3.0, 1.0, 2.0]))), 4)
    0.4781
    """
    tp, tn, fp, fn = (counts[..., number] for number in range(4))
    spread = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    safe = np.where(spread > 0, spread, 1.0)
    return np.where(spread > 0, (tp * tn - fp * fn) / np.sqrt(safe), 0.0)


@dataclass(frozen=True, eq=False)
class Calls:
    """Calls of one model on the same samples, seed by seed.

    Parameters
    ----------
    counts : ndarray (n_days, n_seeds, 4)
        True ups, true downs, false ups and false downs of each day, from the first to the last.
    """

    counts: Values

    @classmethod
    def of(cls, calls: Values, went_up: Values, day_index: Index) -> Calls:
        """Count ``calls`` (n_seeds, n_samples), 1.0 for up, against what came."""
        up, came = calls > 0.5, went_up > 0.5
        kinds = np.stack([up & came, ~up & ~came, up & ~came, ~up & came], axis=-1).astype(np.float64)
        first = int(day_index.min())
        counts = np.zeros((int(day_index.max()) - first + 1, *kinds.shape[::2]))
        np.add.at(counts, day_index - first, kinds.transpose(1, 0, 2))
        return cls(counts)

    @property
    def n_samples(self) -> int:
        """Samples of one seed."""
        return int(self.counts[:, 0].sum())

    def by_seed(self, score: Score) -> list[float]:
        """The score of each seed."""
        return [float(value) for value in score(self.counts.sum(axis=0))]

    def interval(self, score: Score, config: BootstrapConfig = BOOTSTRAP) -> Interval:
        """Mean of the seeds with a percentile interval over blocks of days."""
        draws = self._draws(score, config)
        return self._interval(float(np.mean(self.by_seed(score))), draws, config)

    def over(self, other: Calls, score: Score, config: BootstrapConfig = BOOTSTRAP) -> tuple[Interval, float]:
        """Difference of the mean scores on the same days, and a two-sided p-value.

        The value is twice the smaller share of resamples on either side of zero, plus one resample.
        """
        if other.counts.shape[0] != self.counts.shape[0] or other.n_samples != self.n_samples:
            raise ValueError(
                f"calls of {self.n_samples} and {other.n_samples} samples; a paired test needs the same ones"
            )
        draws = self._draws(score, config) - other._draws(score, config)
        value = float(np.mean(self.by_seed(score)) - np.mean(other.by_seed(score)))
        side = min(int((draws <= 0).sum()), int((draws >= 0).sum()))
        return self._interval(value, draws, config), min(1.0, 2.0 * (side + 1) / (config.n_draws + 1))

    def _draws(self, score: Score, config: BootstrapConfig) -> Values:
        weights = block_weights(len(self.counts), config)
        drawn = np.einsum("ds,sk->dk", weights, self.counts.reshape(len(self.counts), -1))
        return np.asarray(score(drawn.reshape(len(weights), *self.counts.shape[1:])).mean(axis=1))

    def _interval(self, value: float, draws: Values, config: BootstrapConfig) -> Interval:
        tail = (1.0 - config.level) / 2
        lower, upper = (float(bound) for bound in np.quantile(draws, [tail, 1.0 - tail]))
        n_days = int(np.count_nonzero(self.counts.sum(axis=(1, 2))))
        return Interval(value, lower, upper, self.n_samples, n_days)
