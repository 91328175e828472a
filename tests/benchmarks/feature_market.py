"""Bars of many tickers for the benchmarks: random walks that look like a market, as a panel and as Qlib's files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nextgen_assets.domain.prices import Panel
from nextgen_assets.domain.sessions import xnys


def random_panel(n_sessions: int, n_tickers: int, seed: int = 7) -> Panel:
    """Bars without holes and actions, numbers that single precision holds exactly, as Qlib keeps them."""
    random = np.random.default_rng(seed)
    shape = (n_sessions, n_tickers)

    def kept(values: np.ndarray) -> np.ndarray:
        return values.astype(np.float32).astype(np.float64)

    close = kept(50.0 * np.exp(np.cumsum(random.normal(0.0, 0.02, shape), axis=0)))
    opening = kept(close * np.exp(random.normal(0.0, 0.01, shape)))
    high = kept(np.maximum(opening, close) * (1.0 + np.abs(random.normal(0.0, 0.01, shape))))
    low = kept(np.minimum(opening, close) / (1.0 + np.abs(random.normal(0.0, 0.01, shape))))
    one = np.ones(shape)
    fields = {
        "open": opening,
        "high": high,
        "low": low,
        "close": close,
        "volume": kept(np.floor(np.exp(random.normal(13.0, 0.8, shape)))),
        "price_factor": one,
        "split_ratio": one.copy(),
        "high_ratio": np.zeros(shape),
    }
    sessions = xnys().sessions[100 : 100 + n_sessions]
    return Panel(sessions, tuple(f"T{number:05d}" for number in range(n_tickers)), fields)


def last_sessions(panel: Panel, count: int) -> Panel:
    """The panel without what came before its last ``count`` sessions."""
    fields = {name: values[-count:].copy() for name, values in panel.fields.items()}
    return Panel(panel.sessions[-count:], panel.tickers, fields)


def write_for_qlib(panel: Panel, folder: Path) -> None:
    """The panel in the format of Qlib's file storage; its ``vwap`` is our typical price."""
    days = [day.isoformat() for day in panel.sessions]
    for name in ("calendars", "instruments", "features"):
        (folder / name).mkdir()
    (folder / "calendars" / "day.txt").write_text("\n".join(days))
    lines = (f"{ticker}\t{days[0]}\t{days[-1]}" for ticker in panel.tickers)
    (folder / "instruments" / "all.txt").write_text("\n".join(lines))
    fields = {name: panel.fields[name] for name in ("open", "high", "low", "close", "volume")}
    fields["vwap"] = (fields["high"] + fields["low"] + fields["close"]) / 3.0
    for column, ticker in enumerate(panel.tickers):
        own = folder / "features" / ticker.lower()
        own.mkdir()
        for name, values in fields.items():
            np.hstack([0.0, values[:, column]]).astype("<f4").tofile(own / f"{name}.day.bin")
