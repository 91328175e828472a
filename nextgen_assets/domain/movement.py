"""The published benchmark of stock movement: its data and the samples made of them.

A sample is a ticker and a target day. Its inputs are the vectors of the days before the target day; its label is up
or down by the adjusted return of the target day, and days that moved little are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from nextgen_assets.domain.grid import Index, Values, day_numbers
from nextgen_assets.domain.movement_protocols import MovementProtocol

FEATURES = ("c_open", "c_high", "c_low", "n_close", "n_adj_close", "d5", "d10", "d15", "d20", "d25", "d30")
"""Prices over the close, returns of close and adjusted close, and means of 5 to 30 adjusted closes over it, times 100."""
ABSENT = -123_320.0
"""The original files write -123321 where a day has no value."""
COLUMNS = ("ticker", "date", *FEATURES, "label")


class MovementDataError(ValueError):
    """The data set does not have the form of the benchmark."""


@dataclass(frozen=True, eq=False)
class MovementData:
    """Vectors and labels of every ticker and day.

    Parameters
    ----------
    days : ndarray (n_days,), int32
        Days on which a ticker of the set traded, since 1970, ascending.
    tickers : tuple of str
        Sorted.
    vectors : ndarray (n_tickers, n_days, 11)
        The features of the set; NaN where one is missing.
    label : ndarray (n_tickers, n_days)
        1 up, -1 down, 0 neither; NaN where unknown.
    """

    days: npt.NDArray[np.int32]
    tickers: tuple[str, ...]
    vectors: Values
    label: Values

    @classmethod
    def from_frame(cls, frame: pl.DataFrame) -> MovementData:
        """Place the rows of ``features_labels``.

        Raises
        ------
        MovementDataError
            If a column is missing, a ticker repeats a day, a number is infinite, or a label contradicts its return.
        """
        missing = [name for name in COLUMNS if name not in frame.columns]
        if missing:
            raise MovementDataError(f"the columns {missing} are missing; found {frame.columns}")
        rows = _typed(frame)
        _refuse_broken(rows)
        tickers, days = rows["ticker"].unique().sort(), rows["date"].unique().sort()
        ticker_index = tickers.search_sorted(rows["ticker"]).to_numpy()
        day_index = days.search_sorted(rows["date"]).to_numpy()
        vectors = np.full((len(tickers), len(days), len(FEATURES)), np.nan)
        vectors[ticker_index, day_index] = rows.select(FEATURES).to_numpy()
        label = np.full(vectors.shape[:2], np.nan)
        label[ticker_index, day_index] = rows["label"].to_numpy()
        return cls(day_numbers(days), tuple(tickers), vectors, label)


@dataclass(frozen=True, eq=False)
class MovementSamples:
    """Samples of one lookback in the order (target day, ticker).

    Parameters
    ----------
    windows : ndarray (n_samples, lookback, 22), float32
        Each feature less its median over the tickers of the day, then the medians; oldest day first, the last is
        the day before the target day.
    log_return : ndarray (n_samples,)
        Adjusted return of the target day.
    day_index : ndarray (n_samples,)
        Position of the target day.
    part : ndarray (n_samples,)
        0 fit, 1 validation, 2 test.
    newest : ndarray (n_samples, 11)
        The raw vector of the day before the target day.
    """

    windows: npt.NDArray[np.float32]
    log_return: Values
    day_index: Index
    part: Index
    newest: Values

    @property
    def went_up(self) -> Values:
        """1.0 up, 0.0 down."""
        return (self.log_return > 0).astype(np.float64)


def movement_samples(
    data: MovementData, protocol: MovementProtocol, lookback: int, judged_lookback: int = 15
) -> MovementSamples:
    """Every sample whose window is whole and whose label is up or down.

    Parameters
    ----------
    data, protocol
        The set and its parts.
    lookback : int
        Days of a window.
    judged_lookback : int
        Days that must be whole before a sample of validation and test: the longest lookback that is tried, so that
        all are judged on the same samples.

    Raises
    ------
    MovementDataError
        If a part of the protocol has no sample: the data are of other years.

    Notes
    -----
    As-of rule: a window reads days before its target day only; the medians are of the same days.
    """
    if lookback < 1:
        raise MovementDataError(f"lookback={lookback}, expected at least 1 day")
    whole = np.asarray(np.isfinite(data.vectors).all(axis=2))
    part = protocol.part_of(data.days)
    longest = max(lookback, judged_lookback)
    ready = np.where(part > 0, _whole_before(whole, longest), _whole_before(whole, lookback))
    known = np.isfinite(data.vectors[:, :, FEATURES.index("n_adj_close")])
    is_sample = ready & known & (np.abs(data.label) == 1) & (part >= 0)
    day_index, ticker_index = np.nonzero(is_sample.T)
    counts = np.bincount(part[day_index], minlength=3) if day_index.size else np.zeros(3, np.int64)
    if (counts == 0).any():
        raise MovementDataError(
            f"fit, validation and test have {counts.tolist()} samples; the protocol needs target days from "
            f"{protocol.first} to {protocol.stop}, the data have {_day(data.days[0])} to {_day(data.days[-1])}"
        )
    market = _medians(data.vectors, whole)
    channels = np.concatenate([data.vectors - market, np.broadcast_to(market, data.vectors.shape)], axis=2)
    view = np.lib.stride_tricks.sliding_window_view(channels.astype(np.float32), lookback, axis=1)
    windows = np.ascontiguousarray(view[ticker_index, day_index - lookback].transpose(0, 2, 1))
    returns = data.vectors[ticker_index, day_index, FEATURES.index("n_adj_close")]
    return MovementSamples(
        windows,
        np.log1p(returns / 100.0),
        day_index,
        part[day_index],
        data.vectors[ticker_index, day_index - 1],
    )


def _whole_before(whole: npt.NDArray[np.bool_], count: int) -> npt.NDArray[np.bool_]:
    """Whether all of the ``count`` days before a day are whole, (n_tickers, n_days)."""
    passed = np.pad(np.cumsum(whole, axis=1), ((0, 0), (1, 0)))
    ready = np.zeros(whole.shape, dtype=np.bool_)
    ready[:, count:] = passed[:, count:-1] - passed[:, : -1 - count] == count
    return ready


def _medians(vectors: Values, whole: npt.NDArray[np.bool_]) -> Values:
    """Median of each feature over the tickers whose vector of the day is whole, (n_days, n_features); else NaN."""
    medians = np.full(vectors.shape[1:], np.nan)
    traded = whole.any(axis=0)
    known = np.where(whole[:, traded, np.newaxis], vectors[:, traded], np.nan)
    medians[traded] = np.nanmedian(known, axis=0)
    return medians


def naive_calls(samples: MovementSamples) -> dict[str, Values]:
    """What nobody had to learn: 1.0 for up, 0.0 for down, by name of the rule.

    ``momentum 10``: the adjusted close stands above its mean of 10; ``reversion 30``: below its mean of 30;
    ``reversal 1``: it fell on the day before.
    """
    newest = {name: samples.newest[:, number] for number, name in enumerate(FEATURES)}
    calls = {
        "always up": np.ones(len(samples.newest), dtype=np.bool_),
        "momentum 10": newest["d10"] < 0,
        "reversion 30": newest["d30"] > 0,
        "reversal 1": newest["n_adj_close"] < 0,
    }
    return {name: said.astype(np.float64) for name, said in calls.items()}


def _typed(frame: pl.DataFrame) -> pl.DataFrame:
    """The columns of the set in their types; what the original files mark as absent is null."""
    try:
        rows = frame.select(
            pl.col("ticker").cast(pl.String),
            pl.col("date").cast(pl.Date),
            pl.col(*FEATURES, "label").cast(pl.Float64).fill_nan(None),
        )
    except pl.exceptions.PolarsError as error:
        raise MovementDataError(f"a column has another type than the benchmark's: {error}") from error
    return rows.with_columns(
        pl.when(pl.col(name) > ABSENT).then(name).alias(name) for name in (*FEATURES, "label")
    )


def _refuse_broken(rows: pl.DataFrame) -> None:
    if rows.is_empty() or rows.select("ticker", "date").null_count().row(0) != (0, 0):
        raise MovementDataError(
            f"{rows.height} rows, some without a ticker or a date; expected each with both"
        )
    repeated = rows.filter(pl.struct("ticker", "date").is_duplicated())
    strange = rows.filter(pl.col("label").is_not_null() & ~pl.col("label").is_in([-1.0, 0.0, 1.0]))
    endless = rows.filter(pl.any_horizontal(pl.col(FEATURES).is_infinite()))
    move = pl.col("n_adj_close")
    against = rows.filter((pl.col("label") * move <= 0) & (pl.col("label") != 0) | (move <= -100))
    for found, what in (
        (repeated, "repeat a ticker and day"),
        (strange, "have a label that is not -1, 0 or 1"),
        (endless, "have an infinite feature"),
        (against, "have a label against their n_adj_close, or a loss of everything"),
    ):
        if found.height:
            raise MovementDataError(
                f"{found.height} rows {what}, first {found.row(0, named=True)}; repair the file"
            )


def _day(number: np.int32) -> date:
    return date.fromordinal(date(1970, 1, 1).toordinal() + int(number))
