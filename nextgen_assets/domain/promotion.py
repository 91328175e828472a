"""The gate that a challenger passes before it is served alone, judged on matured forecasts only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nextgen_assets.domain.contender_record import (
    TrackRecord,
    bet_blocks,
    bets,
    calibration_scores,
    losses_of_odds,
    mean_by_session,
)
from nextgen_assets.domain.intervals import BootstrapConfig, Interval
from nextgen_assets.domain.members import Floats, Indices
from nextgen_assets.domain.overfitting import (
    backtest_overfitting,
    deflated_sharpe_ratio,
    return_moments,
    variance_of_trials,
)

PROMOTED, PASSED, REFUSED = "promoted", "passed", "refused"
TOO_LITTLE_HISTORY = "too_little_history"
NOT_BETTER_THAN_BASE_RATE = "not_better_than_base_rate"
NOT_BETTER_THAN_CHAMPION = "not_better_than_champion"
NOT_CALIBRATED = "not_calibrated"
LUCK_OF_MANY_TRIALS = "luck_of_many_trials"
OVERFITTED = "overfitted"


@dataclass(frozen=True)
class PromotionConfig:
    """How much a challenger has to show.

    Parameters
    ----------
    sessions : int
        Trailing sessions whose matured forecasts are its record.
    minimum_sessions : int
        With fewer of them nothing is promoted.
    level : float
        Of the two-sided paired intervals, which have to lie below zero.
    calibration_level : float
        Of the two-sided tests of calibration, which must not reject it.
    minimum_deflated_sharpe : float
        Probability that its Sharpe ratio is more than the luck of all the trials.
    maximum_overfitting : float
        Probability of backtest overfitting of choosing among the contenders.
    n_parts : int
        Parts of the cross-validation behind that probability; even. Short records have fewer.
    """

    sessions: int = 250
    minimum_sessions: int = 120
    level: float = 0.9
    calibration_level: float = 0.99
    minimum_deflated_sharpe: float = 0.95
    maximum_overfitting: float = 0.2
    n_parts: int = 10


@dataclass(frozen=True, eq=False)
class Verdict:
    """What the gate says of one recipe, and why.

    Parameters
    ----------
    verdict : str
        'promoted', 'passed' (a better one was promoted) or 'refused'.
    reason_code, reason : str
        The first failing rule, or what was passed; the same in words with figures.
    log_loss : float or None
        Of the record, None when there is none.
    evidence : mapping
        Every figure that was judged; JSON values.
    """

    recipe: str
    verdict: str
    reason_code: str
    reason: str
    n: int
    n_sessions: int
    log_loss: float | None
    evidence: Mapping[str, Any]


def judge(record: TrackRecord, n_trials: int, config: PromotionConfig) -> tuple[Verdict, ...]:
    """Judge every contender of the record; at most one is promoted, the one with the least log loss.

    A contender is promoted when, on the rows where it, the champion and the base rate spoke, its log loss
    is below that of both by day-clustered paired intervals; its probabilities are calibrated; the
    Sharpe ratio of betting on its difference to the base rate stands out from all the trials; and choosing the best
    contender has not been overfitting.

    Parameters
    ----------
    record : TrackRecord
        Forecasts whose target session had closed by the cut-off.
    n_trials : int
        Configurations that had been tried by then, all families together.
    config : PromotionConfig
        What is demanded.

    Returns
    -------
    tuple of Verdict
        By recipe.

    References
    ----------
    Diebold, F. X. and Mariano, R. S. (1995). Comparing predictive accuracy. Bailey and López de Prado (2014);
    Bailey et al. (2017).
    """
    gains = np.column_stack(
        [bets(record, record.log_odds[name]) for name in sorted(record.log_odds)]
        or [np.empty((bet_blocks(record).max(initial=-1) + 1, 0))]
    )
    verdicts = []
    for place, recipe in enumerate(sorted(record.log_odds)):
        spoke = np.isfinite(record.log_odds[recipe]) & np.isfinite(record.base_log_odds)
        rows = np.flatnonzero(spoke & np.isfinite(record.champion_log_odds))
        n_sessions = int(np.unique(record.session_index[rows]).size)
        if n_sessions < config.minimum_sessions:
            reason = (
                f"{n_sessions} sessions of matured forecasts, expected at least {config.minimum_sessions}"
            )
            verdicts.append(
                Verdict(recipe, REFUSED, TOO_LITTLE_HISTORY, reason, rows.size, n_sessions, None, {})
            )
            continue
        verdicts.append(_judged(record, recipe, rows, n_sessions, gains, place, n_trials, config))
    passing = [verdict for verdict in verdicts if verdict.verdict == PASSED]
    best = min(passing, key=lambda verdict: (verdict.log_loss, verdict.recipe)) if passing else None
    return tuple(_promoted(verdict) if verdict is best else verdict for verdict in verdicts)


def _judged(
    record: TrackRecord,
    recipe: str,
    rows: Indices,
    n_sessions: int,
    gains: Floats,
    place: int,
    n_trials: int,
    config: PromotionConfig,
) -> Verdict:
    went_up = (record.realised[rows] > 0).astype(np.float64)
    loss = losses_of_odds(record.log_odds[recipe][rows], went_up)
    bootstrap = BootstrapConfig(block_sessions=record.horizon_sessions, level=config.level)
    sessions = record.session_index[rows]
    against = {
        name: mean_by_session(loss - losses_of_odds(odds[rows], went_up), sessions, bootstrap)
        for name, odds in (("base_rate", record.base_log_odds), ("champion", record.champion_log_odds))
    }
    bias, slope = calibration_scores(record, recipe, rows, went_up, config.calibration_level)
    deflated = _deflated(gains, place, n_trials)
    overfitting = None
    n_parts = min(config.n_parts, gains.shape[0] // 4 * 2)
    if gains.shape[1] > 1 and n_parts >= 2:
        overfitting = backtest_overfitting(gains, n_parts).probability
    evidence = {
        "log_loss": float(loss.mean()),
        "log_loss_less_base_rate": against["base_rate"].as_dict(),
        "log_loss_less_champion": against["champion"].as_dict(),
        "calibration_bias": bias,
        "calibration_slope": slope,
        "n_trials": n_trials,
        "deflated_sharpe_ratio": deflated,
        "probability_of_backtest_overfitting": overfitting,
    }
    code, reason = _reason(against, bias, slope, deflated, overfitting, n_trials, config)
    verdict = PASSED if code == PASSED else REFUSED
    return Verdict(recipe, verdict, code, reason, rows.size, n_sessions, float(loss.mean()), evidence)


def _reason(
    against: Mapping[str, Interval],
    bias: Mapping[str, float],
    slope: Mapping[str, float],
    deflated: float,
    overfitting: float | None,
    n_trials: int,
    config: PromotionConfig,
) -> tuple[str, str]:
    """Every rule that fails, the first one as the code; or that all hold."""
    found: list[tuple[str, str]] = []
    for name, code in (("base_rate", NOT_BETTER_THAN_BASE_RATE), ("champion", NOT_BETTER_THAN_CHAMPION)):
        gap = against[name]
        if gap.upper >= 0:
            span = f"{gap.value:+.4f}, {config.level:.0%} interval {gap.lower:+.4f} to {gap.upper:+.4f}"
            found.append((code, f"log loss less that of the {name.replace('_', ' ')} {span}"))
    for word, score in (("bias", bias), ("slope", slope)):
        if abs(score["value"]) > score["half_width"]:
            text = (
                f"calibration {word} {score['value']:+.4f}, more than the {score['half_width']:.4f} of chance"
            )
            found.append((NOT_CALIBRATED, text))
    if deflated < config.minimum_deflated_sharpe:
        text = f"deflated Sharpe ratio {deflated:.3f} of {n_trials} trials, below {config.minimum_deflated_sharpe}"
        found.append((LUCK_OF_MANY_TRIALS, text))
    if overfitting is not None and overfitting > config.maximum_overfitting:
        text = f"probability of backtest overfitting {overfitting:.2f}, above {config.maximum_overfitting}"
        found.append((OVERFITTED, text))
    if found:
        return found[0][0], "; ".join(text for _, text in found)
    odds = "" if overfitting is None else f", probability of backtest overfitting {overfitting:.2f}"
    return PASSED, (
        f"log loss {against['base_rate'].value:+.4f} to the base rate and {against['champion'].value:+.4f} to the "
        f"champion, both below zero with their intervals; calibrated; deflated Sharpe ratio {deflated:.3f}{odds}"
    )


def _promoted(verdict: Verdict) -> Verdict:
    values = {name: getattr(verdict, name) for name in Verdict.__dataclass_fields__}
    return Verdict(**{**values, "verdict": PROMOTED, "reason_code": PROMOTED})


def _deflated(gains: Floats, place: int, n_trials: int) -> float:
    moments = [return_moments(column) for column in gains.T]
    variance = variance_of_trials(np.array([each.sharpe for each in moments]), gains.shape[0])
    return deflated_sharpe_ratio(moments[place], max(n_trials, gains.shape[1]), variance)
