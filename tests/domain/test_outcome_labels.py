"""What fell due but could not be judged says why, and directions are judged over other horizons as these end."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from nextgen_assets.domain.further_horizons import HORIZON_SCHEMA, judged_over
from nextgen_assets.domain.outcome_labels import LABEL_SCHEMA, outcome_labels
from nextgen_assets.domain.prices import Panel
from nextgen_assets.domain.sessions import xnys

SESSION, TARGET = date(2012, 6, 1), date(2012, 6, 8)
DAYS = xnys().between(SESSION, TARGET)
TICKERS = ("CALM", "GONE", "HALT", "LATE", "SPLT", "MUTE")


def _panel(tickers=TICKERS):
    """Closes rise by one percent a session; GONE stops after two, HALT misses the target, LATE one in between, MUTE all."""
    returns = np.full((len(DAYS), len(tickers)), 0.01)
    bars = np.zeros_like(returns)
    returns[0] = np.nan
    for ticker, first, last in (("GONE", 3, 6), ("HALT", 5, 6), ("LATE", 2, 3), ("MUTE", 1, 6)):
        column = tickers.index(ticker)
        bars[first:last, column] = np.nan
        returns[first : last + 1, column] = np.nan
    return Panel(tuple(DAYS), tuple(tickers), {"log_return": returns, "high_ratio": bars})


def _due():
    return pl.DataFrame(
        {
            "prediction_id": [ticker.lower() for ticker in TICKERS], "scenario_id": "baseline", "ticker": TICKERS,
            "session_date": SESSION, "target_session_date": TARGET, "abstained": False, "direction": "up",
            "as_of": xnys().cutoff(SESSION, 30),
        }
    )  # fmt: skip


def _action(ticker, kind, ex_date, known_at=None):
    return {
        "ticker": ticker, "kind": kind, "ex_date": ex_date, "known_at": known_at or xnys().open_at(ex_date),
    }  # fmt: skip


ACTIONS = pl.DataFrame([_action("SPLT", "split", DAYS[2]), _action("GONE", "delisting", DAYS[3])])
JUDGED = pl.DataFrame({"prediction_id": ["calm", "splt"]})


def _labels(actions=ACTIONS, judged=JUDGED):
    return outcome_labels(_due(), judged, _panel(), actions, [TARGET], xnys(), 30)


def test_each_case_is_labelled_and_states_what_was_had_by_the_last_close():
    rows = {row["ticker"]: row for row in _labels().iter_rows(named=True)}
    assert {ticker: (row["label"], row["is_judged"]) for ticker, row in rows.items()} == {
        "GONE": ("delisted", False),
        "HALT": ("halted", False),
        "LATE": ("late", False),
        "MUTE": ("halted", False),
        "SPLT": ("split", True),
    }
    assert rows["GONE"]["last_close_session"] == DAYS[2]
    assert rows["GONE"]["log_return_to_last_close"] == pytest.approx(0.02)
    assert rows["HALT"]["log_return_to_last_close"] == pytest.approx(0.04)
    assert rows["LATE"]["last_close_session"] == DAYS[1]
    assert rows["MUTE"]["last_close_session"] is None
    assert rows["SPLT"]["last_close_session"] is None
    assert rows["GONE"]["as_of"] == xnys().cutoff(TARGET, 30)


def test_action_that_was_learned_after_the_cutoff_labels_nothing():
    later = xnys().cutoff(TARGET, 30) + timedelta(seconds=1)
    late = pl.DataFrame(
        [_action("SPLT", "split", DAYS[2], later), _action("GONE", "delisting", DAYS[3], later)]
    )
    labels = dict(_labels(late).select("ticker", "label").iter_rows())
    assert "SPLT" not in labels
    assert labels["GONE"] == "halted"


def test_what_was_judged_or_falls_due_elsewhere_has_no_label():
    everything = pl.DataFrame({"prediction_id": [ticker.lower() for ticker in TICKERS]})
    assert _labels(ACTIONS.clear(), everything).is_empty()
    other = outcome_labels(_due(), JUDGED, _panel(), ACTIONS, [DAYS[1]], xnys(), 30)
    assert other.is_empty()
    assert other.schema == pl.Schema(LABEL_SCHEMA)


def test_directions_are_judged_where_another_horizon_ends():
    ends = DAYS[1]
    came = pl.DataFrame(
        {
            "ticker": ["CALM", "GONE", "HALT"], "session_date": SESSION, "target_session_date": [ends, ends, DAYS[2]],
            "realised_log_return": [0.01, -0.01, 0.01], "price_known_at": xnys().close_at(ends),
        }
    )  # fmt: skip
    frame = judged_over(_due(), came, 1, [ends], xnys(), 30)
    assert frame.select("prediction_id", "horizon_sessions", "is_correct").rows() == [
        ("calm", 1, True),
        ("gone", 1, False),
    ]
    assert frame.schema == pl.Schema(HORIZON_SCHEMA)
    late = came.with_columns(price_known_at=pl.lit(xnys().close_at(DAYS[2])))
    assert judged_over(_due(), late, 1, [ends], xnys(), 30).is_empty()
