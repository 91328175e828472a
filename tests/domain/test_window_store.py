"""Windows rebuilt from rows are the stacks of the stored vectors, in a stable order."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from nextgen_assets.domain.features import FeatureSet, select
from nextgen_assets.domain.provenance import row_digests
from nextgen_assets.domain.sessions import xnys
from nextgen_assets.domain.window_store import WindowStore, gather_windows
from nextgen_assets.domain.windows import feature_vectors, required_history, window_rows
from tests.contracts.synthetic_market import TICKERS, Market, synthetic_market

FEATURES = FeatureSet(select(["return_5", "parkinson_10", "sentiment"]), lookback_sessions=6)
START = required_history(FEATURES.features, 6)


@pytest.fixture(scope="module")
def market() -> Market:
    return synthetic_market()


@pytest.fixture(scope="module")
def rows(market: Market) -> pl.DataFrame:
    panel = market.panel()
    return window_rows(
        panel,
        feature_vectors(panel, FEATURES.features),
        row_digests(market.bars, market.actions, market.articles, panel, xnys()),
        feature_set=FEATURES,
        calendar=xnys(),
        delay_minutes=30,
        first=market.sessions[START],
        last=market.sessions[-1],
    )


@pytest.fixture(scope="module")
def store(market: Market, rows: pl.DataFrame) -> WindowStore:
    return WindowStore.from_rows(rows, market.sessions[START:])


def test_windows_equal_the_slow_stack_of_rows_in_the_order_session_ticker(
    market: Market, rows: pl.DataFrame, store: WindowStore
) -> None:
    first, last = market.sessions[START + 5], market.sessions[-1]
    by_key = {(row["ticker"], row["session_date"]): row for row in rows.iter_rows(named=True)}
    expected = []
    for index in range(START + 5, len(market.sessions)):
        for ticker in sorted(TICKERS):
            stack = [by_key.get((ticker, day)) for day in market.sessions[index - 5 : index + 1]]
            values = [row["values"] if row else [None] for row in stack]
            if all(value is not None for vector in values for value in vector):
                expected.append((ticker, market.sessions[index], stack[-1]["window_id"], values))
    batch = store.training(first, last)
    assert batch.tensor.shape == (len(expected), 6, 3)
    assert list(zip(batch.tickers, batch.sessions, batch.window_ids, strict=True)) == [
        row[:3] for row in expected
    ]
    assert batch.tensor.tolist() == [row[3] for row in expected]
    assert batch.tensor.dtype == np.float32
    assert 0 < len(expected) < (last - first).days * 4


def test_window_at_a_session_equals_its_part_of_the_training_range(
    market: Market, store: WindowStore
) -> None:
    session = market.sessions[50]
    whole, alone = store.training(market.sessions[40], market.sessions[60]), store.at(session)
    part = [index for index, day in enumerate(whole.sessions) if day == session]
    assert alone.tickers == sorted(TICKERS)
    assert alone.tensor.tobytes() == whole.tensor[part].tobytes()
    assert alone.window_ids == [whole.window_ids[index] for index in part]


def test_range_bounds_need_not_be_sessions(market: Market, store: WindowStore) -> None:
    saturday, sunday = date(2012, 11, 17), date(2012, 12, 2)
    batch = store.training(saturday, sunday)
    assert (batch.sessions[0], batch.sessions[-1]) == (date(2012, 11, 19), date(2012, 11, 30))


def test_indices_point_into_the_store(store: WindowStore, market: Market) -> None:
    batch = store.training(market.sessions[40], market.sessions[60])
    assert [store.sessions[row] for row in batch.indices[:, 0]] == batch.sessions
    assert [store.tickers[row] for row in batch.indices[:, 1]] == batch.tickers
    assert store.gather(batch.indices[5:9]).tobytes() == batch.tensor[5:9].tobytes()


def test_rows_in_any_order_and_as_fixed_arrays_give_the_same_store(
    market: Market, rows: pl.DataFrame, store: WindowStore
) -> None:
    arrays = rows.with_columns(pl.col("values").list.to_array(3)).sample(fraction=1.0, shuffle=True, seed=2)
    other = WindowStore.from_rows(arrays, market.sessions[START:])
    assert other.matrix.tobytes() == store.matrix.tobytes()
    assert other.complete.tolist() == store.complete.tolist()
    assert other.window_ids.tolist() == store.window_ids.tolist()


def test_session_with_no_complete_window_gives_an_empty_batch(market: Market, rows: pl.DataFrame) -> None:
    store = WindowStore.from_rows(rows.with_columns(is_complete=False), market.sessions[START:])
    batch = store.at(market.sessions[50])
    assert batch.tensor.shape == (0, 6, 3)
    assert (batch.tickers, batch.sessions, batch.window_ids) == ([], [], [])


def test_window_whose_earlier_vector_is_not_stored_is_not_served(market: Market, rows: pl.DataFrame) -> None:
    gone = (pl.col("ticker") == "WAVE") & (pl.col("session_date") == market.sessions[50])
    store = WindowStore.from_rows(rows.filter(~gone), market.sessions[START:])
    served = {day for day in market.sessions[45:60] if "WAVE" in store.at(day).tickers}
    assert served == {*market.sessions[45:50], *market.sessions[56:60]}


def test_too_little_history_or_a_session_outside_is_refused(market: Market, store: WindowStore) -> None:
    with pytest.raises(ValueError, match="need the vectors of 5 earlier sessions"):
        store.at(market.sessions[START + 4])
    with pytest.raises(ValueError, match="build it over more sessions"):
        store.training(market.sessions[60], date(2014, 1, 2))
    with pytest.raises(ValueError, match="2012-11-17 is not in the store"):
        store.at(date(2012, 11, 17))


def test_no_rows_or_rows_of_two_feature_sets_are_refused(market: Market, rows: pl.DataFrame) -> None:
    with pytest.raises(ValueError, match="materialise feature_windows first"):
        WindowStore.from_rows(rows.clear(), market.sessions)
    other = pl.when(pl.col("ticker") == "WAVE").then(pl.lit("x")).otherwise("feature_set_id")
    two = rows.with_columns(feature_set_id=other)
    with pytest.raises(ValueError, match="pass the rows of one feature set"):
        WindowStore.from_rows(two, market.sessions)


def test_gathering_copies_windows_out_of_a_view() -> None:
    matrix = np.arange(2 * 4 * 3, dtype=np.float32).reshape(2, 4, 3)
    windows = gather_windows(matrix, np.array([3, 1]), np.array([0, 1]), 2)
    assert windows.tolist() == [matrix[0, 2:4].tolist(), matrix[1, 0:2].tolist()]
    assert not np.shares_memory(windows, matrix)
    with pytest.raises(ValueError, match="cannot end at index 0"):
        gather_windows(matrix, np.array([0]), np.array([0]), 2)


def test_view_hands_windows_to_torch_without_copying(store: WindowStore) -> None:
    import torch

    tensor = torch.from_numpy(store.view())
    assert tensor.shape == (4, len(store.sessions) - 5, 6, 3)
    assert tensor.data_ptr() == store.matrix.ctypes.data
    assert tensor.untyped_storage().data_ptr() == store.matrix.ctypes.data
    session, ticker = store.complete[:, 0], store.complete[:, 1]
    assert tensor[ticker, session - 5].numpy().tobytes() == store.gather(store.complete).tobytes()
