"""A stated split is believed when the price moved with it, and quarantined when it did not."""

from datetime import date

import polars as pl
import pytest

from nextgen_assets.domain.split_evidence import inspect_splits

BEFORE, EX = date(2007, 6, 29), date(2007, 7, 2)


def _actions(ratio, kind="split"):
    return pl.DataFrame(
        {"ticker": ["JCI"], "ex_date": [EX], "kind": [kind], "split_ratio": [ratio], "source": ["files"]}
    )


def _bars(before, after):
    return pl.DataFrame({"ticker": ["JCI"] * 2, "session_date": [EX, BEFORE], "close": [after, before]})


def test_split_that_the_price_follows_is_believed():
    found = inspect_splits(_actions(4.0), _bars(100.0, 26.0))
    assert found.accepted.equals(_actions(4.0))
    assert found.rejected.is_empty()


def test_reverse_split_against_a_rising_price_is_refused_with_both_closes():
    found = inspect_splits(_actions(0.25), _bars(33.79, 53.36))  # 53.36 * 0.25 / 33.79 = 0.39
    assert found.accepted.is_empty()
    row = found.rejected.row(0, named=True)
    assert (row["reason_code"], row["ticker"], row["session_date"]) == ("split_contradicts_prices", "JCI", EX)
    assert "0.25" in row["reason"]
    assert "33.79 to 53.36" in row["reason"]
    assert "2007-07-02" in row["payload"]


@pytest.mark.parametrize(
    ("after", "is_believed"), [(101.0, False), (99.9, True), (25.1, True), (24.9, False)]
)
def test_borders_are_half_and_twice_what_the_ratio_explains(after, is_believed):
    assert inspect_splits(_actions(2.0), _bars(100.0, after)).accepted.height == is_believed


def test_split_without_a_bar_before_it_and_dividends_are_left_alone():
    lone = _bars(100.0, 100.0).filter(pl.col("session_date") == EX)
    assert inspect_splits(_actions(4.0), lone).accepted.height == 1
    assert inspect_splits(_actions(None, kind="dividend"), _bars(100.0, 100.0)).accepted.height == 1
