"""Biases: what is called one, how large it is, since when it stands."""

import numpy as np
import polars as pl
import pytest

from nextgen_assets.domain import clustering
from nextgen_assets.domain.bias import FLAG_SCHEMA, BiasRules, bias_flags
from nextgen_assets.domain.sessions import xnys

RULES = BiasRules(window_sessions=100, longest_memory_sessions=40)


def _flags(joined, sessions, rules=RULES):
    return bias_flags(joined, sessions, xnys(), 30, rules)


def _targets(joined):
    return joined["target_session_date"].unique().sort().to_list()


def _too_sure_of_up(rng, ticker, realised):
    return np.full(realised.size, 0.85)


def test_standing_optimism_is_flagged_with_its_size(matured_ledger):
    joined = matured_ledger(n_sessions=200, probability=_too_sure_of_up)
    row = _flags(joined, _targets(joined)[-1:]).filter(scope="overall", kind="upward").row(0, named=True)
    window = joined.filter(pl.col("target_session_date") > _targets(joined)[-101])
    assert row["value"] == pytest.approx(0.85 - (window["realised_log_return"] > 0).mean())
    assert 0.03 <= row["threshold"] < row["value"]


def test_since_is_the_first_session_of_the_unbroken_stretch(matured_ledger):
    joined = matured_ledger(n_sessions=200, probability=_too_sure_of_up)
    targets = _targets(joined)
    flags = _flags(joined, targets).filter(scope="overall", kind="overconfident")
    found = dict(flags.select("session_date", "since").iter_rows())
    assert min(found) > targets[58]  # sixty sessions are the least that is judged
    for session, since in found.items():
        start = session
        while xnys().shift(start, -1) in found and start > xnys().shift(
            session, -RULES.longest_memory_sessions
        ):
            start = xnys().shift(start, -1)
        assert since == start
    assert len(set(found.values())) > 20
    alone = _flags(joined, targets[120:121]).filter(scope="overall", kind="overconfident")
    assert alone["since"].item() == found[targets[120]]


def test_flags_of_a_range_equal_each_session_alone_with_the_future_deleted(matured_ledger):
    joined = matured_ledger(n_sessions=160, probability=_too_sure_of_up)
    sessions = _targets(joined)[60::9]
    whole = _flags(joined, sessions)
    alone = pl.concat(
        _flags(joined.filter(pl.col("target_session_date") <= session), [session]) for session in sessions
    )
    assert whole.height > len(sessions)
    assert whole.equals(alone)


@pytest.mark.slow
def test_null_ledgers_are_seldom_accused(matured_ledger):
    accused = 0
    for seed in range(60):
        joined = matured_ledger(n_sessions=105, seed=seed)
        flags = _flags(joined, _targets(joined)[-1:])
        accused += flags.filter(pl.col("scope") == "overall").height > 0
    # two tests at one percent: about one in sixty is expected
    assert accused < 7


def test_empty_ledger_gives_no_flag_but_all_columns(matured_ledger):
    joined = matured_ledger(n_sessions=3)
    assert _flags(joined.clear(), _targets(joined)).columns == [*FLAG_SCHEMA, "as_of"]


def test_value_and_threshold_are_those_of_the_rows_of_the_window(matured_ledger):
    joined = matured_ledger(n_sessions=200, probability=_too_sure_of_up)
    session = _targets(joined)[-1]
    row = _flags(joined, [session]).filter(scope="overall", kind="overconfident").row(0, named=True)
    window = joined.sort("target_session_date", "ticker").filter(
        pl.col("target_session_date") > xnys().shift(session, -RULES.window_sessions)
    )
    taken = np.maximum(window["probability_up"].to_numpy(), 1 - window["probability_up"].to_numpy())
    places = np.array([xnys().index(day) for day in window["target_session_date"]])
    oracle = clustering.clustered_mean(
        taken - window["is_correct"].to_numpy(), (xnys().index(session) - places) // RULES.block_sessions
    )
    assert row["value"] == pytest.approx(oracle.value, rel=1e-12)
    assert row["threshold"] == pytest.approx(max(0.03, oracle.half_width(0.99)), rel=1e-12)


def test_window_not_filled_by_blocks_is_refused():
    with pytest.raises(ValueError, match="multiple of block_sessions"):
        BiasRules(window_sessions=95)
