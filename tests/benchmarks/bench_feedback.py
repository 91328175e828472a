"""Feedback over a large ledger: seconds and memory of all scopes, beside a plain loop over windows.

The ledger is synthetic: returns share a market factor, targets of five sessions overlap, forecasts know nothing. The
plain loop filters the rows of a window and draws its bootstrap, for the Brier score alone.

``python tests/benchmarks/bench_feedback.py [TICKERS [YEARS]]``; the default is 60 tickers over 6 years.
"""

from __future__ import annotations

import resource
import sys
import time
from datetime import date
from statistics import median

import numpy as np
import polars as pl

from nextgen_assets.domain import clustering
from nextgen_assets.domain.feedback import feedback_metrics
from nextgen_assets.domain.scope_scores import FeedbackSettings
from nextgen_assets.domain.sessions import xnys
from nextgen_assets.domain.validation import log_loss

HORIZON, VOLATILITY = 5, 0.035
SETTINGS = FeedbackSettings(n_replicates=300)
_PLAIN_WINDOWS = 40


def synthetic_ledger(n_tickers: int, n_years: int, seed: int = 0) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Judged predictions, and what two members had said."""
    rng = np.random.default_rng(seed)
    n_sessions = 252 * n_years
    first = xnys().index(date(2003, 1, 2))
    days = np.array(xnys().sessions[first : first + n_sessions + HORIZON], dtype="datetime64[D]")
    market = rng.normal(0, 0.01, (n_sessions + HORIZON, 1))
    daily = market + rng.normal(0, 0.012, (n_sessions + HORIZON, n_tickers))
    sums = np.cumsum(np.vstack([np.zeros((1, n_tickers)), daily]), axis=0)
    realised = (sums[HORIZON + 1 :] - sums[1:-HORIZON])[:n_sessions]
    probability = np.clip(0.5 + 0.03 * rng.normal(size=realised.shape), 0.01, 0.99)
    names = np.array([f"T{number:04d}" for number in range(n_tickers)])
    is_up = pl.col("realised_log_return") > 0
    ledger = pl.DataFrame(
        {
            "ticker": np.tile(names, n_sessions),
            "session_date": np.repeat(days[:n_sessions], n_tickers),
            "target_session_date": np.repeat(days[HORIZON : n_sessions + HORIZON], n_tickers),
            "probability_up": probability.ravel(),
            "realised_log_return": realised.ravel(),
        }
    ).with_columns(
        volatility=pl.lit(VOLATILITY),
        lower_log_return=pl.lit(-1.645 * VOLATILITY),
        upper_log_return=pl.lit(1.645 * VOLATILITY),
        interval_coverage=pl.lit(0.9),
        is_correct=(pl.col("probability_up") >= 0.5) == is_up,
        brier_score=(pl.col("probability_up") - is_up.cast(pl.Float64)) ** 2,
        log_loss=log_loss(pl.col("probability_up"), is_up),
        is_inside_interval=pl.col("realised_log_return").abs() <= 1.645 * VOLATILITY,
        sector=pl.concat_str(pl.lit("S"), pl.col("ticker").str.slice(-1)),
    )
    keys = ledger.select("ticker", "session_date")
    members = pl.concat(
        keys.with_columns(
            family=pl.lit(family),
            probability_up=pl.Series(np.clip(0.5 + 0.03 * rng.normal(size=ledger.height), 0.01, 0.99)),
        )
        for family in ("logistic", "lstm")
    )
    return ledger, members


def plain_seconds(ledger: pl.DataFrame) -> float:
    """Median seconds of one window by a plain loop: filter, sum blocks, draw."""
    sessions = ledger["target_session_date"].unique().sort().to_list()
    ticker = ledger["ticker"][0]
    weights = clustering.bootstrap_weights(25, SETTINGS.n_replicates, SETTINGS.seed)
    seconds = []
    for session in sessions[-_PLAIN_WINDOWS:]:
        started = time.perf_counter()
        now = xnys().index(session)
        start = xnys().sessions[now - SETTINGS.window_sessions + 1]
        rows = ledger.filter(
            pl.col("ticker") == ticker, pl.col("target_session_date").is_between(start, session)
        )
        blocks = np.array([(now - xnys().index(day)) // 10 for day in rows["target_session_date"]])
        counts = np.bincount(blocks, minlength=25).astype(float)
        totals = np.bincount(blocks, rows["brier_score"].to_numpy(), 25)
        np.std((weights @ totals) / (weights @ counts))
        seconds.append(time.perf_counter() - started)
    return median(seconds)


def main() -> None:
    """Print seconds, memory and the ratio to the plain loop."""
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    n_tickers, n_years = [*numbers, *(60, 6)[len(numbers) :]][:2]
    ledger, members = synthetic_ledger(n_tickers, n_years)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sessions = ledger["target_session_date"].unique().sort().to_list()
    started, cpu = time.perf_counter(), time.process_time()
    rows = feedback_metrics(ledger, sessions, xnys(), 30, SETTINGS, members=members)
    wall, used = time.perf_counter() - started, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    windows = rows.select("session_date", "scope").unique().height
    plain = plain_seconds(ledger)
    print(
        f"feedback, {n_tickers} tickers x {n_years} years: {ledger.height:,} judged predictions, {windows:,} windows"
    )
    print(f"  all scopes      {wall:7.1f} s wall, {used:7.1f} s of processor, {rows.height:,} rows")
    print(
        f"  memory          {peak / 2**20:7.2f} GB at its peak, {before / 2**20:.2f} GB before (ledger and members)"
    )
    print(
        f"  of one window   {1e6 * wall / windows:7.0f} us for nine metrics; a plain loop {1e6 * plain:.0f} us for one"
    )
    print(f"  ratio           {wall / windows / plain:7.3f} of the plain loop")


if __name__ == "__main__":
    main()
