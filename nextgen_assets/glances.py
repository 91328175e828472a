"""Pictures that a page of the UI shows in their place: lines and strips of a few hundred bytes, with the figures in words.

The UI shows Markdown of fewer than ``FITS`` characters where it stands and longer Markdown, such as a PNG, behind a click.
"""

import base64
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nextgen_assets.drawing import BLUE, MUTED, filled

FITS: Final = 1000
"""Characters of Markdown from which on the UI hides it behind a click."""
_WIDTH, _HEIGHT, _ROW = 320, 64, 9
_POINTS: Final = 40
_COLUMNS: Final = (64, 32, 16, 8, 4)
_ABSENT: Final = -1
_STATUS: Final = (("ok", "#8fc7a1"), ("warn", "#f2c14e"), ("fail", "#d64545"))


def equity_glance(values: pl.DataFrame) -> str:
    """Net asset value (blue) and buy-and-hold (grey) on one logarithmic scale, as Markdown.

    Parameters
    ----------
    values : frame
        portfolio_values of one scenario: session_date, net_asset_value_usd, benchmark_value_usd, drawdown.
    """
    rows = filled(values, "portfolio_values").sort("session_date")
    place = np.unique(np.linspace(0, rows.height - 1, min(_POINTS, rows.height)).round().astype(int))
    lines = [
        np.log(rows[name].cast(pl.Float64).to_numpy()[place])
        for name in ("benchmark_value_usd", "net_asset_value_usd")
    ]
    low, high = min(line.min() for line in lines), max(line.max() for line in lines)
    scale = (_HEIGHT - 4) / max(high - low, 1e-9)
    x = (place * (_WIDTH / max(rows.height - 1, 1))).round().astype(int)
    paths = [
        f'<path stroke="{colour}" d="{_line(x, ((high - line) * scale + 2).round().astype(int))}"/>'
        for colour, line in zip((MUTED, BLUE), lines, strict=True)
    ]
    newest = rows.row(-1, named=True)
    words = (
        f"{float(newest['net_asset_value_usd']):,.0f} US dollars (blue), "
        f"buy-and-hold {newest['benchmark_value_usd']:,.0f} (grey); drawdown now {newest['drawdown']:.1%}"
    )
    return _markdown("equity", _WIDTH, _HEIGHT, paths, words)


def health_glance(health: pl.DataFrame) -> str:
    """One strip per component, coloured by the worst status of a few sessions each, as Markdown.

    Parameters
    ----------
    health : frame
        system_health: component, session_date, status; where a component has no row its strip has a gap.
    """
    rows = filled(health, "system_health")
    level = {status: number for number, (status, _) in enumerate(_STATUS)}
    table = (
        rows.with_columns(level=pl.col("status").replace_strict(level, return_dtype=pl.Int64))
        .pivot(on="component", index="session_date", values="level", sort_columns=True)
        .sort("session_date")
    )
    names = table.columns[1:]
    grid = table.select(names).fill_null(_ABSENT).to_numpy().T
    last = grid[:, -1].tolist()
    newest = [f"{name} {_STATUS[now][0]}" for name, now in zip(names, last, strict=True) if now > 0]
    ever = [f"{name} {bad}" for name, bad in zip(names, (grid > 0).sum(axis=1).tolist(), strict=True) if bad]
    words = (
        f"{table['session_date'][-1]}: {', '.join(newest) or 'all ok'}. "
        f"Sessions of {grid.shape[1]:,} that were not ok: {', '.join(ever) or 'none'}."
    )
    for columns in _COLUMNS:
        drawn = _markdown("health", _WIDTH, _ROW * len(names), _strips(grid, columns), words)
        if len(drawn) < FITS:
            return drawn
    return words


def calibration_glance(probability: NDArray[np.float64], is_up: NDArray[np.bool_], n_bins: int = 10) -> str:
    """What was said against what came, by bin, beside the diagonal, as Markdown.

    Parameters
    ----------
    probability, is_up : arrays (n_predictions,)
        At least one; bins of fewer than 20 predictions are left out where others are fuller.
    """
    place = np.minimum((probability * n_bins).astype(int), n_bins - 1)
    count = np.bincount(place, minlength=n_bins)
    shown = count >= min(20, int(count.max()))
    said = np.bincount(place, probability, n_bins)[shown] / count[shown]
    came = np.bincount(place, is_up.astype(float), n_bins)[shown] / count[shown]
    side = 2 * _HEIGHT
    points = "".join(f"M{round(x * side)},{round((1 - y) * side)}h0" for x, y in zip(said, came, strict=True))
    paths = [
        f'<path stroke="{MUTED}" d="M0,{side}L{side},0M0,0V{side}H{side}"/>',
        f'<path stroke="{BLUE}" stroke-width="7" stroke-linecap="round" d="{points}"/>',
    ]
    words = (
        f"{len(probability):,} judged: said {probability.mean():.1%} up on average, came {is_up.mean():.1%}; "
        "on the line is calibrated"
    )
    return _markdown("calibration", side, side, paths, words)


def _line(x: NDArray[np.int64], y: NDArray[np.int64]) -> str:
    """A path through whole pixels, each but the first by its distance from the one before."""
    steps = zip(np.diff(x).tolist(), np.diff(y).tolist(), strict=True)
    return f"M{x[0]},{y[0]}l" + " ".join(f"{across},{down}" for across, down in steps)


def _strips(grid: NDArray[np.int64], columns: int) -> list[str]:
    """A path per status: rows of ``grid`` (n_components, n_sessions) in at most so many columns, worst first seen."""
    columns = min(columns, grid.shape[1])
    parts = np.array_split(grid, columns, axis=1)
    worst = np.stack([part.max(axis=1) for part in parts], axis=1)
    edge = [round(place * _WIDTH / columns) for place in range(columns + 1)]
    marks: dict[int, list[str]] = {number: [] for number in range(len(_STATUS))}
    for row, levels in enumerate(worst.tolist()):
        y = row * _ROW + _ROW // 2
        has_ground = _ABSENT not in levels
        if has_ground:
            marks[0].append(f"M0,{y}h{_WIDTH}")
        for begin, end, status in _spans(levels):
            if status > 0 or (status == 0 and not has_ground):
                marks[status].append(f"M{edge[begin]},{y}h{edge[end] - edge[begin]}")
    return [
        f'<path stroke="{_STATUS[status][1]}" stroke-width="{_ROW - 2}" d="{"".join(found)}"/>'
        for status, found in marks.items()
        if found
    ]


def _spans(levels: Sequence[int]) -> Iterable[tuple[int, int, int]]:
    """Begin, end and level of each stretch of equal levels."""
    begin = 0
    for level, stretch in groupby(levels):
        end = begin + len(list(stretch))
        yield begin, end, level
        begin = end


def _markdown(title: str, width: int, height: int, paths: Iterable[str], words: str) -> str:
    size = f'width="{width}" height="{height}" fill="none" stroke-width="1.5"'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(paths)}</svg>'
    return (
        f"![{title}](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode('ascii')})\n\n{words}"
    )
