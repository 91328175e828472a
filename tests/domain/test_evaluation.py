"""The final table and its verdict."""

import polars as pl
import pytest

from nextgen_assets.domain.evaluation import evaluation_summary
from nextgen_assets.domain.sessions import xnys


def test_skill_is_called_better_than_the_base_rate(matured_ledger):
    summary = evaluation_summary(matured_ledger(share_true=0.5), xnys())
    assert summary.verdict.startswith("Better than the base rate: Brier score 0.")
    assert "960 predictions maturing on 320 sessions" in summary.verdict


def test_knowing_nothing_is_called_no_better(matured_ledger):
    assert evaluation_summary(matured_ledger(), xnys()).verdict.startswith("No better than the base rate")


def test_shouting_is_called_worse(matured_ledger):
    ledger = matured_ledger(probability=lambda rng, _, r: rng.choice([0.1, 0.9], r.size))
    assert evaluation_summary(ledger, xnys()).verdict.startswith("Worse than the base rate")


def test_baselines_state_only_what_they_know(matured_ledger):
    ledger = matured_ledger().with_columns(momentum=pl.col("realised_log_return"), lstm=pl.lit(0.55))
    summary = evaluation_summary(ledger, xnys(), members={"lstm": "lstm"}, momentum_column="momentum")
    rows = {row["contender"]: row for row in summary.table.to_dicts()}
    assert list(rows) == ["predictions", "lstm", "base rate", "always up", "momentum"]
    up_share = (ledger["realised_log_return"] > 0).mean()
    assert rows["always up"]["accuracy"] == pytest.approx(up_share)
    assert rows["always up"]["brier_score"] is None
    assert rows["momentum"]["accuracy"] == 1.0
    assert rows["lstm"]["brier_score"] == pytest.approx(0.55**2 - 0.1 * up_share)
    assert rows["lstm"]["information_coefficient"] is None
    assert rows["base rate"]["coverage"] is None
    assert rows["predictions"]["coverage"] == pytest.approx(ledger["is_inside_interval"].mean())


def test_interval_surrounds_every_stated_value(matured_ledger):
    row = evaluation_summary(matured_ledger(), xnys()).table.row(0, named=True)
    for score in ("accuracy", "brier_score", "log_loss", "coverage", "information_coefficient"):
        assert row[f"{score}_lower"] < row[score] < row[f"{score}_upper"]


def test_too_little_history_says_what_to_do(matured_ledger):
    with pytest.raises(ValueError, match="expected at least two such blocks; materialize more sessions"):
        evaluation_summary(matured_ledger(n_sessions=8), xnys())
    with pytest.raises(ValueError, match="evaluation: 0 matured predictions"):
        evaluation_summary(matured_ledger(n_sessions=8).clear(), xnys())


def test_unknown_member_column_is_named(matured_ledger):
    with pytest.raises(ValueError, match="columns gru are not in the validated predictions"):
        evaluation_summary(matured_ledger(n_sessions=30), xnys(), members={"gru": "gru"})
