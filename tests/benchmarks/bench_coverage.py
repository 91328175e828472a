"""Coverage of the bounds on S&P 500 members, 2003 to 2017, beside bounds of one width for all.

Every ticker and session gets bounds from the errors that had matured by it, of the trailing 250 sessions, as the
ledger would; what is expected is the mean return in units of volatility that had matured by then. Members of 2021 only:
survivors. Run with ``--step 1`` for every session (default: every fifth).
"""

from __future__ import annotations

import argparse
import time
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from nextgen_assets.domain.conformal import ScaleConfig, fit_bounds, fit_scale
from nextgen_assets.domain.volatility import daily_volatility

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "sp500_daily_2003_2017"
FIRST, LAST, HORIZON, HISTORY, COVERAGE = date(2003, 1, 2), date(2017, 12, 29), 5, 250, 0.9
MINIMUM_SESSIONS, MINIMUM_PER_TICKER = 60, 100


def panel() -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[str, ...]]:
    """Forward returns and volatility over the horizon, (n_sessions, n_tickers); years; tickers."""
    bars = pl.read_parquet(
        DATA / "ohlcv_raw_adj_actions.parquet", columns=["ticker", "date", "adjusted_close"]
    )
    bars = bars.with_columns(pl.col("date").cast(pl.Date)).filter(
        pl.col("date").is_between(FIRST, LAST) & (pl.col("adjusted_close") > 0)
    )
    wide = bars.pivot(on="ticker", index="date", values="adjusted_close").sort("date")
    logs = np.log(wide.drop("date").to_numpy().astype(np.float64))
    daily = np.diff(logs, axis=0, prepend=np.full((1, logs.shape[1]), np.nan))
    forward = np.full_like(logs, np.nan)
    forward[:-HORIZON] = logs[HORIZON:] - logs[:-HORIZON]
    return (
        forward,
        daily_volatility(daily) * HORIZON**0.5,
        wide["date"].dt.year().to_numpy(),
        tuple(wide.columns[1:]),
    )


def covered(
    forward: np.ndarray,
    volatility: np.ndarray,
    tickers: tuple[str, ...],
    scale: ScaleConfig | None,
    step: int,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Whether each return lay inside its bounds (NaN where there were none), their width, and seconds."""
    known = np.isfinite(forward) & np.isfinite(volatility)
    inside, width = (np.full(forward.shape, np.nan) for _ in range(2))
    started = time.perf_counter()
    for now in range(MINIMUM_SESSIONS + HORIZON, len(forward) - HORIZON, step):
        span = slice(max(0, now - HISTORY), now - HORIZON + 1)
        sessions, codes = np.nonzero(known[span])
        realised, stated = (values[span][sessions, codes] for values in (forward, volatility))
        drift = float((realised / stated).mean())
        yardstick, expected = stated, drift * stated
        size = volatility[now]
        if scale is not None:
            learned, yardstick = fit_scale(tickers, codes, realised - expected, stated, scale, COVERAGE)
            size = learned.of(tickers, volatility[now])
        bounds = fit_bounds(realised, expected, yardstick, COVERAGE)
        assert bounds is not None
        lower, upper = bounds.apply(drift * volatility[now], size)
        is_judged = known[now]
        inside[now] = np.where(is_judged, (forward[now] >= lower) & (forward[now] <= upper), np.nan)
        width[now] = np.where(is_judged, upper - lower, np.nan)
    return inside, width, time.perf_counter() - started


def describe(
    name: str, inside: np.ndarray, width: np.ndarray, volatility: np.ndarray, seconds: float
) -> None:
    """Print overall, per-ticker and per-regime coverage, the regime being a third of a ticker's own volatility."""
    counts = np.isfinite(inside).sum(axis=0)
    by_ticker = np.nanmean(inside[:, counts >= MINIMUM_PER_TICKER], axis=0)
    judged = np.where(np.isfinite(inside), volatility, np.nan)
    low, high = np.nanquantile(judged, [1 / 3, 2 / 3], axis=0)
    regimes = [
        np.nanmean(inside[part]) for part in (judged < low, (judged >= low) & (judged < high), judged >= high)
    ]
    print(
        f"{name:<28} {np.nanmean(inside):.4f} overall, worst ticker {by_ticker.min():.4f}, best {by_ticker.max():.4f}; "
        f"calm, usual, wild {', '.join(f'{share:.3f}' for share in regimes)}; mean width {np.nanmean(width):.4f}; "
        f"{np.isfinite(inside).sum():,} predictions of {by_ticker.size} tickers in {seconds:.0f} s",
        flush=True,
    )


def main() -> None:
    """Both kinds of bounds on the same predictions."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--step", type=int, default=5)
    step = parser.parse_known_args()[0].step
    if not DATA.exists():
        print(f"skipped: {DATA} is not there")
        return
    forward, volatility, _, tickers = panel()
    for name, scale in (("one width for all", None), ("yardstick of each ticker", ScaleConfig())):
        inside, width, seconds = covered(forward, volatility, tickers, scale, step)
        describe(name, inside, width, volatility, seconds)


if __name__ == "__main__":
    main()
