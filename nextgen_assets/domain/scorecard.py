"""Scores of matured predictions beside those of forecasters that know nothing, as sums over rows.

Every score here is a function of sums, so that a window, a block or a replicate of a bootstrap is
scored without touching its rows again.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import polars as pl

from nextgen_assets.domain.clustering import FloatArray, IntArray
from nextgen_assets.domain.rank_correlation import shared_rank_correlations
from nextgen_assets.domain.sessions import SessionCalendar

BIN_COUNT = 10
METRICS = (
    "hit_rate",
    "brier_score",
    "log_loss",
    "calibration_error",
    "coverage",
    "interval_score",
    "information_coefficient",
    "rank_information_coefficient",
    "sharpness",
)
POINT_METRICS = (
    "hit_rate",
    "brier_score",
    "log_loss",
    "calibration_error",
    "information_coefficient",
    "rank_information_coefficient",
)
"""Scores of the probability alone: of forecasts that state no bounds."""
BASELINES = {
    "hit_rate": "always up",
    "brier_score": "base rate of earlier matured outcomes",
    "log_loss": "base rate of earlier matured outcomes",
    "calibration_error": "base rate of earlier matured outcomes",
    "coverage": "stated coverage",
    "interval_score": "normal interval of the forecast volatility around zero",
    "information_coefficient": "zero",
    "rank_information_coefficient": "zero",
    "sharpness": "width of the normal interval of the forecast volatility",
}
HIGHER_IS_BETTER = frozenset({"hit_rate", "information_coefficient", "rank_information_coefficient"})
DOMAINS = {
    "hit_rate": (0.0, 1.0),
    "brier_score": (0.0, 1.0),
    "log_loss": (0.0, np.inf),
    "calibration_error": (0.0, 1.0),
    "coverage": (0.0, 1.0),
    "interval_score": (0.0, np.inf),
    "information_coefficient": (-1.0, 1.0),
    "rank_information_coefficient": (-1.0, 1.0),
    "sharpness": (0.0, np.inf),
}
_SUMS = (
    "n", "is_correct", "is_up", "brier_score", "base_brier_score", "log_loss", "base_log_loss", "is_inside",
    "stated_coverage", "interval_score", "normal_interval_score", "width", "normal_width", "rank_correlation",
    "ranked_sessions", "signal", "outcome", "signal_squared",
    "outcome_squared", "signal_outcome",
)  # fmt: skip
_AT = {name: position for position, name in enumerate(_SUMS)}
_GAP, _BASE_GAP, _COUNT, _UP = (
    slice(len(_SUMS) + k * BIN_COUNT, len(_SUMS) + (k + 1) * BIN_COUNT) for k in range(4)
)
SCORED_SUMS = slice(0, _BASE_GAP.stop)
"""The sums that scores are made of; the others tell the pieces of the Brier score."""


def target_positions(rows: pl.DataFrame, calendar: SessionCalendar) -> IntArray:
    """Position in the calendar of each row's target session, shape (n_rows,)."""
    return positions(rows["target_session_date"], calendar)


def positions(days: pl.Series, calendar: SessionCalendar) -> IntArray:
    """Position in the calendar of each session, shape (n,)."""
    if days.is_empty():
        return np.zeros(0, dtype=np.int64)
    known = days.unique().to_list()
    places: IntArray = days.replace_strict(
        known, [calendar.index(day) for day in known], return_dtype=pl.Int64
    ).to_numpy()
    return places


def row_sums(rows: pl.DataFrame) -> FloatArray:
    """What each row adds to the sums, shape (n_rows, n_sums); rows as ``base_rates.with_base_rate`` returns them.

    Notes
    -----
    The signal is probability_up - 0.5 and the outcome the realised return in units of the forecast
    volatility, so that a volatile ticker does not outweigh the others in the correlation. The rows of a session
    share its rank correlation across their tickers, so that a sum over rows is one over sessions.
    """
    probability, base = rows["probability_up"].to_numpy(), rows["base_rate"].to_numpy()
    is_up = (rows["realised_log_return"].to_numpy() > 0).astype(np.float64)
    realised, volatility = rows["realised_log_return"].to_numpy(), rows["volatility"].to_numpy()
    stated = rows["interval_coverage"].to_numpy()
    reach = _normal_reach(stated) * volatility
    lower, upper = rows["lower_log_return"].to_numpy(), rows["upper_log_return"].to_numpy()
    signal, outcome = probability - 0.5, realised / volatility
    plain = [
        np.ones(rows.height), rows["is_correct"].to_numpy(), is_up, rows["brier_score"].to_numpy(),
        rows["base_brier_score"].to_numpy(), rows["log_loss"].to_numpy(), rows["base_log_loss"].to_numpy(),
        rows["is_inside_interval"].to_numpy(), stated, _interval_score(lower, upper, realised, stated),
        _interval_score(-reach, reach, realised, stated), upper - lower, 2.0 * reach,
        *shared_rank_correlations(rows, signal, outcome), signal, outcome, signal * signal, outcome * outcome,
        signal * outcome,
    ]  # fmt: skip
    in_bin, in_base_bin = _bins(probability), _bins(base)
    binned = [
        in_bin * (probability - is_up)[:, None],
        in_base_bin * (base - is_up)[:, None],
        in_bin,
        in_bin * is_up[:, None],
    ]
    return np.hstack([np.column_stack([column.astype(np.float64) for column in plain]), *binned])


def scores(sums: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Value and baseline of every metric from sums.

    Parameters
    ----------
    sums : array (n_cases, n_sums)

    Returns
    -------
    (values, baselines) : arrays (n_cases, n_metrics)
        Columns in the order of ``METRICS``; NaN where a correlation is undefined.
    """
    values, baselines = metric_values(sums.T)
    return values.T, baselines.T


def metric_values(sums: FloatArray) -> tuple[FloatArray, FloatArray]:
    """As :func:`scores`, with sums and metrics on the first axis: each is a contiguous array to work on.

    Parameters
    ----------
    sums : array (n_sums, ...)
        At least those of ``SCORED_SUMS``.

    Returns
    -------
    (values, baselines) : arrays (n_metrics, ...)
    """
    n = sums[_AT["n"]]

    def mean(name: str) -> FloatArray:
        column: FloatArray = sums[_AT[name]] / n
        return column

    error, base_error = (np.abs(sums[bins]).sum(axis=0) / n for bins in (_GAP, _BASE_GAP))
    values = [mean("is_correct"), mean("brier_score"), mean("log_loss"), error, mean("is_inside"),
              mean("interval_score"), _correlation(sums, n), _mean_rank_correlation(sums), mean("width")]  # fmt: skip
    baselines = [mean("is_up"), mean("base_brier_score"), mean("base_log_loss"), base_error,
                 mean("stated_coverage"), mean("normal_interval_score"), np.zeros_like(n), np.zeros_like(n),
                 mean("normal_width")]  # fmt: skip
    return np.stack(values), np.stack(baselines)


def murphy_pieces(sums: FloatArray) -> dict[str, FloatArray]:
    """Reliability, resolution and uncertainty of the Brier score, from sums of shape (..., n_sums).

    References
    ----------
    Murphy, A new vector partition of the probability score, Journal of Applied Meteorology 12 (1973);
    in ten bins of width 0.1, so that the pieces add up to the score but for the spread inside a bin.
    """
    n, count, up, gap = sums[..., _AT["n"]], sums[..., _COUNT], sums[..., _UP], sums[..., _GAP]
    filled, rate = count > 0, sums[..., _AT["is_up"]] / n
    counted = np.where(filled, count, 1.0)
    spread = np.where(filled, up / counted - rate[..., None], 0.0)
    return {
        "reliability": np.where(filled, gap * gap / counted, 0.0).sum(axis=-1) / n,
        "resolution": (count * spread**2).sum(axis=-1) / n,
        "uncertainty": rate * (1.0 - rate),
    }


def _normal_reach(stated: FloatArray) -> FloatArray:
    """Standard deviations on each side of zero that hold the stated coverage of a normal."""
    levels, inverse = np.unique(stated, return_inverse=True)
    return np.array([NormalDist().inv_cdf(0.5 + level / 2) for level in levels.tolist()])[inverse]


def _interval_score(
    lower: FloatArray, upper: FloatArray, realised: FloatArray, stated: FloatArray
) -> FloatArray:
    """Width plus the penalty of misses (Gneiting and Raftery 2007, section 6.2); lower is better."""
    miss = np.maximum(lower - realised, 0.0) + np.maximum(realised - upper, 0.0)
    score: FloatArray = upper - lower + 2.0 / (1.0 - stated) * miss
    return score


def _bins(probability: FloatArray) -> FloatArray:
    """Membership (n_rows, BIN_COUNT) in bins of equal width; probability 1 is in the last."""
    place = np.minimum((probability * BIN_COUNT).astype(np.int64), BIN_COUNT - 1)
    membership: FloatArray = (place[:, None] == np.arange(BIN_COUNT)).astype(np.float64)
    return membership


def _correlation(sums: FloatArray, n: FloatArray) -> FloatArray:
    """Pearson correlation of signal and outcome per case; NaN where either does not vary."""
    x, y, xx, yy, xy = (sums[_AT[name]] / n for name in _SUMS[-5:])
    variance_x, variance_y = xx - x * x, yy - y * y
    varies = (variance_x > 1e-12) & (variance_y > 1e-12)
    scale = np.sqrt(np.where(varies, variance_x * variance_y, 1.0))
    return np.where(varies, (xy - x * y) / scale, np.nan)


def _mean_rank_correlation(sums: FloatArray) -> FloatArray:
    """Mean over sessions; NaN where none could be ranked."""
    total, sessions = sums[_AT["rank_correlation"]], sums[_AT["ranked_sessions"]]
    is_ranked = sessions > 1e-9
    return np.where(is_ranked, total / np.where(is_ranked, sessions, 1.0), np.nan)
