"""Generated payloads through the door and the rules: no row is lost, changed or kept twice."""

from __future__ import annotations

import json
import math
from collections import Counter
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nextgen_assets.domain.quality import inspect_bars
from nextgen_assets.domain.sessions import xnys
from nextgen_resources.market_data.door import check_bars

COLUMNS = ["ticker", "session_date", "open", "high", "low", "close", "volume"]
START = date(2013, 2, 25)
price = st.one_of(
    st.sampled_from([10.0, 10.5, 11.0, 9.0, 1000.0, 0.1, 0.0, -1.0, math.nan, math.inf, 5e-324]),
    st.none(),
    st.floats(),
)
row = st.tuples(
    st.sampled_from(["AAPL", "NAN", "TRUE", "INF", "ON", "bad ticker", "", None, "{close}"]),
    st.one_of(st.none(), st.integers(0, 9).map(lambda days: START + timedelta(days=days))),
    price, price, price, price,
    st.one_of(st.sampled_from([0.0, 1.0, 1e6, 0.5, -3.0, 1e16]), st.none(), st.floats()),
)  # fmt: skip
good = st.tuples(
    st.sampled_from(["AAPL", "NAN", "ON"]), st.integers(0, 4).map(lambda days: START + timedelta(days=days))
).map(lambda key: (*key, 10.0, 11.0, 9.0, 10.5, 100.0))
payload = st.lists(st.one_of(row, good), max_size=14)


def plain(values: Any) -> tuple[Any, ...]:
    """A row as comparable values: what is not finite as its text."""
    return tuple(
        str(value)
        if isinstance(value, date) or (isinstance(value, float) and not math.isfinite(value))
        else value
        for value in values
    )


def check(rows: list[tuple[Any, ...]]) -> None:
    types = dict.fromkeys(COLUMNS, pl.Float64) | {"ticker": pl.String, "session_date": pl.Date}
    delivered = check_bars(pl.DataFrame(rows, schema=types, orient="row"), "generated").select(COLUMNS)
    inspected = inspect_bars(delivered, xnys())
    accepted = [plain(map(float_if_number, values)) for values in inspected.accepted.select(COLUMNS).rows()]
    refused = [plain(json.loads(text)[name] for name in COLUMNS) for text in inspected.rejected["payload"]]
    came = Counter(plain(values) for values in delivered.rows())
    assert Counter(accepted + refused) == Counter(came.keys())  # each distinct row once, and unchanged
    assert len(rows) == len(accepted) + len(refused) + inspected.duplicate_count
    assert len({values[:2] for values in accepted}) == len(accepted)
    assert all(0 < low <= min(opened, close) and max(opened, close) <= high < math.inf
               for _, _, opened, high, low, close, _ in accepted)  # fmt: skip
    assert inspected.rejected.select("reason_code", "reason").null_count().sum_horizontal().item() == 0


def float_if_number(value: Any) -> Any:
    return float(value) if isinstance(value, int) else value


def together(payloads: list[list[tuple[Any, ...]]]) -> list[tuple[Any, ...]]:
    """Several payloads in one frame, their tickers told apart: rules know no row of another ticker."""
    return [
        (f"{ticker}{number}" if ticker else ticker, *values)
        for number, rows in enumerate(payloads)
        for ticker, *values in rows
    ]


five = st.lists(payload, min_size=5, max_size=5).map(together)


@given(five)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_row_is_accepted_unchanged_or_quarantined_whole_or_an_exact_copy(
    rows: list[tuple[Any, ...]],
) -> None:
    check(rows)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@given(five)
@settings(max_examples=2_000, deadline=None, suppress_health_check=list(HealthCheck))
def test_ten_thousand_payloads_corrupt_nothing_in_silence(rows: list[tuple[Any, ...]]) -> None:
    check(rows)
