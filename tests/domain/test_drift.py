"""Drift is found where it was planted, and seldom where nothing changed; later sessions change nothing."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from nextgen_assets.domain.drift import DRIFT_SCHEMA, DriftRules, drift_metrics, session_moments
from nextgen_assets.domain.sessions import xnys

N_FEATURES, RULES = 15, DriftRules()
N_SESSIONS = RULES.history_sessions
FIRST = xnys().index(date(2000, 3, 1))
DAYS = list(xnys().sessions[FIRST : FIRST + N_SESSIONS])
NAMES = tuple(f"f{place:02d}" for place in range(N_FEATURES))


def _stationary(seed, n_histories=1, memory=0.95):
    """Heavy-tailed features with a memory of weeks, a common factor and clustered volatility, (histories, sessions, features)."""
    rng, burn_in = np.random.default_rng(seed), 200
    level = np.zeros((n_histories, 1))
    now = np.zeros((n_histories, N_FEATURES))
    out = np.empty((n_histories, N_SESSIONS, N_FEATURES))
    for step in range(burn_in + N_SESSIONS):
        level = 0.97 * level + 0.24 * rng.normal(size=level.shape)
        noise = 0.54 * (rng.standard_t(5, now.shape) + rng.standard_t(5, level.shape))
        now = memory * now + (1 - memory**2) ** 0.5 * np.exp(0.4 * level) * noise
        if step >= burn_in:
            out[:, step - burn_in] = now
    return out


def _look(values, sessions=None, rules=RULES):
    moments = session_moments(
        [(pl.Series(DAYS[: len(values)]), values)], NAMES, DAYS[0], DAYS[len(values) - 1], xnys()
    )
    return drift_metrics({"input": moments}, sessions or [DAYS[len(values) - 1]], xnys(), rules)


@pytest.mark.parametrize("memory", [0.0, 0.95])
def test_stationary_histories_raise_no_more_alarms_than_is_stated(memory):
    histories = _stationary(7, n_histories=200, memory=memory)
    alarms = sum(bool(_look(values)["is_drift"].any()) for values in histories)
    print(
        f"memory {memory}: {alarms} of 200 stationary histories raised an alarm, stated {RULES.false_alarms:.0%}"
    )
    assert alarms / 200 <= RULES.false_alarms


def test_planted_level_and_spread_are_found_and_nothing_else():
    values = _stationary(1)[0]
    values[-RULES.recent_sessions :, 3] += 12.0
    values[-RULES.recent_sessions :, 5] *= 200.0
    found = _look(values).filter("is_drift")
    assert ("f03", "level") in found.select("name", "measure").rows()
    assert ("f05", "spread") in found.select("name", "measure").rows()
    assert set(found["name"]) == {"f03", "f05"}
    row = found.filter(name="f03", measure="level").row(0, named=True)
    assert row["value"] - row["reference_value"] == pytest.approx(12.0, abs=3.0)
    assert (row["window_start"], row["reference_start"]) == (DAYS[-60], DAYS[0])
    assert (row["n"], row["n_blocks"]) == (60, 16)


def test_a_session_alone_sees_what_it_sees_in_a_range_and_no_later_one():
    values = _stationary(2)[0]
    wanted = [DAYS[700], DAYS[-1]]
    whole = _look(values, wanted)
    alone = pl.concat([_look(values[:701]), _look(values)])
    assert whole.height == 2 * 2 * N_FEATURES
    assert whole.equals(alone)


def test_moments_pass_over_what_is_unknown_whichever_way_the_rows_come_in():
    values = np.array([[1.0, np.nan], [3.0, 2.0], [5.0, 4.0]])
    days = [DAYS[0], DAYS[0], DAYS[2]]
    together = session_moments([(pl.Series(days), values)], ("a", "b"), DAYS[0], DAYS[2], xnys())
    apart = session_moments(
        [(pl.Series(days[:2]), values[:2]), (pl.Series(days[2:]), values[2:])],
        ("a", "b"),
        DAYS[0],
        DAYS[2],
        xnys(),
    )
    for moments in (together, apart):
        assert moments.n.tolist() == [[2, 1], [0, 0], [1, 1]]
        assert moments.total.tolist() == [[4, 2], [0, 0], [5, 4]]
        assert moments.squares.tolist() == [[10, 4], [0, 0], [25, 16]]


def test_short_past_and_constant_features_are_not_judged():
    short = _look(_stationary(3)[0][: RULES.recent_sessions * RULES.minimum_blocks])
    assert short.is_empty()
    assert short.schema == pl.Schema(DRIFT_SCHEMA)
    values = _stationary(3)[0]
    values[:, 0] = 7.0
    assert "f00" not in _look(values)["name"].to_list()
    with pytest.raises(ValueError, match="at least three of them"):
        DriftRules(minimum_blocks=2)
