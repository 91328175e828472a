"""The whole history in one table: the predictions beside those who know nothing, and a plain verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from nextgen_assets.domain import clustering, scorecard
from nextgen_assets.domain.base_rates import with_base_rate
from nextgen_assets.domain.clustering import FloatArray, IntArray
from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.validation import log_loss

_SCORES = ("accuracy", "brier_score", "log_loss", "coverage", "information_coefficient")
_METRIC_OF = {"accuracy": "hit_rate"}
_SCHEMA: dict[str, type[pl.DataType]] = {
    "contender": pl.String,
    "kind": pl.String,
    "n": pl.Int32,
    "n_sessions": pl.Int32,
} | {f"{score}{end}": pl.Float64 for score in _SCORES for end in ("", "_lower", "_upper")}


@dataclass(frozen=True)
class EvaluationSummary:
    """Whole-history scores and what they amount to.

    Parameters
    ----------
    table : frame
        One row per contender: contender, kind (model, member or baseline), n, n_sessions and each of
        accuracy, brier_score, log_loss, coverage, information_coefficient with _lower and _upper;
        null where the contender states no such thing.
    verdict : str
        One sentence for people.
    """

    table: pl.DataFrame
    verdict: str


def evaluation_summary(
    joined: pl.DataFrame,
    calendar: SessionCalendar,
    *,
    members: Mapping[str, str] | None = None,
    momentum_column: str | None = None,
    block_sessions: int = 10,
    climatology_sessions: int = 1000,
    n_replicates: int = 1000,
    seed: int = 20_010_911,
) -> EvaluationSummary:
    """Score all matured predictions and their rivals on the same rows.

    Parameters
    ----------
    joined : frame
        ``validation.join_outcomes`` of one scenario and horizon, with the columns named below.
    members : mapping, optional
        Name of an ensemble member (family) to the column of its probability of up. A member is scored
        on the rows where it spoke.
    momentum_column : str, optional
        Column of the log return of the 20 sessions up to the prediction; its sign is the momentum
        rule (up where positive). Rows without it are left out for that rule.

    Returns
    -------
    EvaluationSummary

    Raises
    ------
    ValueError
        If nothing has matured on two blocks of sessions, or a named column is missing.

    Notes
    -----
    Intervals are 95 percent, from blocks of ``block_sessions`` sessions. Always-up and momentum state
    a direction and no probability: their Brier score and log loss are null. The base rate of a
    prediction uses outcomes matured before it was made; its accuracy is that of its likelier side.
    """
    wanted = [*(members or {}).values(), *([momentum_column] if momentum_column else [])]
    missing = [name for name in wanted if name not in joined.columns]
    if missing:
        raise ValueError(
            f"evaluation: columns {', '.join(missing)} are not in the validated predictions; add them"
        )
    rows = with_base_rate(joined, calendar, climatology_sessions)
    bootstrap = (block_sessions, n_replicates, seed)
    records = [_probabilistic("predictions", "model", rows, calendar, bootstrap, _SCORES)]
    stated = tuple(score for score in _SCORES if score != "coverage")
    for name, column in sorted((members or {}).items()):
        spoke = _restated(rows.filter(pl.col(column).is_not_null()), pl.col(column))
        if spoke.height:
            records.append(_probabilistic(name, "member", spoke, calendar, bootstrap, stated))
    base = _restated(rows, pl.col("base_rate"))
    records.append(_probabilistic("base rate", "baseline", base, calendar, bootstrap, stated))
    always_up = _restated(rows, pl.lit(1.0))
    records.append(_probabilistic("always up", "baseline", always_up, calendar, bootstrap, ("accuracy",)))
    if momentum_column:
        trend = rows.filter(pl.col(momentum_column).is_not_null())
        if trend.height:
            trend = _restated(trend, (pl.col(momentum_column) > 0).cast(pl.Float64))
            records.append(_probabilistic("momentum", "baseline", trend, calendar, bootstrap, ("accuracy",)))
    table = pl.DataFrame(records, schema=_SCHEMA, orient="row")
    return EvaluationSummary(table, _verdict(table, rows, calendar, block_sessions))


def _restated(rows: pl.DataFrame, probability: pl.Expr) -> pl.DataFrame:
    """The rows as if ``probability`` had been predicted; one half says up."""
    is_up = pl.col("realised_log_return") > 0
    return rows.with_columns(probability_up=probability).with_columns(
        is_correct=(pl.col("probability_up") >= 0.5) == is_up,
        brier_score=(pl.col("probability_up") - is_up.cast(pl.Float64)) ** 2,
        log_loss=log_loss(pl.col("probability_up"), is_up),
    )


def _blocks(rows: pl.DataFrame, calendar: SessionCalendar, block_sessions: int) -> IntArray:
    """Block of sessions of each row, the newest being 0; at least two."""
    positions = scorecard.target_positions(rows, calendar)
    blocks: IntArray = (positions.max(initial=0) - positions) // block_sessions
    if np.unique(blocks).size < 2:
        raise ValueError(
            f"evaluation: {rows.height} matured predictions within {block_sessions} sessions, expected at "
            f"least two such blocks; materialize more sessions of predictions and prediction_accuracy first"
        )
    return blocks


def _probabilistic(
    name: str,
    kind: str,
    rows: pl.DataFrame,
    calendar: SessionCalendar,
    bootstrap: tuple[int, int, int],
    stated: tuple[str, ...],
) -> dict[str, object]:
    """One row of the table, with the scores that the contender states."""
    block_sessions, n_replicates, seed = bootstrap
    blocks = _blocks(rows, calendar, block_sessions)
    per_block = clustering.session_sums(blocks, scorecard.row_sums(rows), int(blocks.max()) + 1)
    n_filled = int((per_block[:, 0] > 0).sum())
    weights = clustering.bootstrap_weights(per_block.shape[0], n_replicates, seed)
    values, _ = scorecard.scores(weights @ per_block)
    errors = clustering.bootstrap_standard_error(values[1:], n_filled)
    reach = clustering.student_quantile(0.975, n_filled - 1)
    record: dict[str, object] = {
        "contender": name,
        "kind": kind,
        "n": rows.height,
        "n_sessions": rows["target_session_date"].n_unique(),
    }
    for score in _SCORES:
        metric = _METRIC_OF.get(score, score)
        value, half = _pick(values[0], metric), reach * _pick(errors, metric)
        is_said = score in stated and np.isfinite([value, half]).all()
        low, high = scorecard.DOMAINS[metric]
        record[score] = value if is_said else None
        record[f"{score}_lower"] = max(low, value - half) if is_said else None
        record[f"{score}_upper"] = min(high, value + half) if is_said else None
    return record


def _pick(row: FloatArray, metric: str) -> float:
    return float(row[scorecard.METRICS.index(metric)])


def _verdict(table: pl.DataFrame, rows: pl.DataFrame, calendar: SessionCalendar, block_sessions: int) -> str:
    """Compare the Brier score with the base rate's on the same rows, and say it plainly."""
    blocks = _blocks(rows, calendar, block_sessions)
    excess = clustering.clustered_mean(
        rows["brier_score"].to_numpy() - rows["base_brier_score"].to_numpy(), blocks
    )
    half = excess.half_width(0.95)
    if excess.value + half < 0:
        opening = "Better than the base rate"
    elif excess.value - half > 0:
        opening = "Worse than the base rate"
    else:
        opening = "No better than the base rate"
    model = table.row(by_predicate=pl.col("contender") == "predictions", named=True)
    base = table.row(by_predicate=pl.col("contender") == "base rate", named=True)
    always_up = table.row(by_predicate=pl.col("contender") == "always up", named=True)
    return (
        f"{opening}: Brier score {model['brier_score']:.4f} against {base['brier_score']:.4f} (difference "
        f"{excess.value:+.4f}, 95% interval {excess.value - half:+.4f} to {excess.value + half:+.4f}); right "
        f"{model['accuracy']:.1%} of the time where always saying up is right {always_up['accuracy']:.1%}; "
        f"{model['n']:,} predictions maturing on {model['n_sessions']:,} sessions."
    )
