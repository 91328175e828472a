"""Pictures of a portfolio's record: growth, rolling Sharpe ratio, exposure, costs, causes, principles."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nextgen_assets.drawing import BLUE, GREEN, INK, MUTED, ORANGE, RED, Picture, filled, new_figure, rendered

_NARROW_SPAN: Final = 8.0
"""Largest value over the smallest below which powers of ten would leave an axis without labels."""


def growth_and_drawdown(values: pl.DataFrame) -> Picture:
    """Portfolio, buy-and-hold and the deposit kept in cash on a logarithmic scale; drawdowns below.

    Parameters
    ----------
    values : frame
        portfolio_values of one scenario: session_date, net_asset_value_usd, benchmark_value_usd.
    """
    rows = filled(values, "portfolio_values").sort("session_date")
    title = "Portfolio beside buy-and-hold and cash"
    figure, (upper, lower) = new_figure(title, 5.2, rows=(3, 1))
    days = rows["session_date"].to_list()
    own = rows["net_asset_value_usd"].cast(pl.Float64).to_numpy()
    held = rows["benchmark_value_usd"].to_numpy()
    cash = np.full(len(days), own[0])
    for name, series, colour in (
        ("buy and hold", held, MUTED),
        ("cash", cash, GREEN),
        ("portfolio", own, BLUE),
    ):
        upper.plot(days, series, color=colour, linewidth=1.4, label=f"{name}: {series[-1]:,.0f}")
        if name != "cash":
            fall = -100.0 * (1.0 - series / np.maximum.accumulate(series))
            lower.plot(days, fall, color=colour, linewidth=1.0)
    upper.set_yscale("log")
    upper.set_ylabel("US dollars")
    _label_dollars(upper.yaxis, np.concatenate([own, held]))
    upper.legend(frameon=False, fontsize=9, loc="upper left")
    upper.tick_params(labelbottom=False)
    lower.set_ylabel("drawdown, %")
    lower.set_xlim(upper.get_xlim())
    return rendered(figure, title)


def _label_dollars(axis: Any, values_usd: NDArray[np.float64]) -> None:
    """Round amounts along a logarithmic axis, several of them also where the values span less than a decade."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

    is_narrow = float(values_usd.max()) < _NARROW_SPAN * float(values_usd.min())
    axis.set_major_locator(MaxNLocator(5) if is_narrow else LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(lambda value, _: f"{value:,.0f}")


def rolling_sharpe_ratio(rows: pl.DataFrame) -> Picture:
    """Sharpe ratio of the last 252 returns with its 95 % interval; no line where there is none.

    Parameters
    ----------
    rows : frame
        tear_sheet of one scenario: session_date, rolling_sharpe, rolling_sharpe_lower, rolling_sharpe_upper.
    """
    filled(rows.drop_nulls("rolling_sharpe"), "rolling Sharpe ratio")
    seen = rows.sort("session_date")
    title = "Sharpe ratio of the last 252 sessions"
    figure, (axes,) = new_figure(title, 3.4)
    days = seen["session_date"].to_list()
    ratio, lower, upper = (
        seen[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        for name in ("rolling_sharpe", "rolling_sharpe_lower", "rolling_sharpe_upper")
    )
    axes.fill_between(days, lower, upper, color=BLUE, alpha=0.16, linewidth=0, label="95 % interval")
    axes.plot(days, ratio, color=BLUE, linewidth=1.4, label="Sharpe ratio")
    axes.axhline(0, color=MUTED, linewidth=0.9)
    axes.legend(frameon=False, fontsize=9, loc="upper left", ncols=2)
    return rendered(figure, title)


def exposure_and_turnover(values: pl.DataFrame) -> Picture:
    """Invested share of the portfolio, and what was traded by month as a multiple of it.

    Parameters
    ----------
    values : frame
        portfolio_values of one scenario: session_date, gross_exposure, turnover.
    """
    rows = filled(values, "portfolio_values").sort("session_date")
    title = "Exposure and turnover"
    figure, (upper, lower) = new_figure(title, 4.2, rows=(2, 1))
    days = rows["session_date"].to_list()
    upper.fill_between(days, 100 * rows["gross_exposure"].to_numpy(), 0, color=BLUE, alpha=0.35, linewidth=0)
    upper.set_ylabel("invested, %")
    upper.tick_params(labelbottom=False)
    month = rows.group_by(pl.col("session_date").dt.truncate("1mo")).agg(pl.col("turnover").sum())
    month = month.sort("session_date")
    lower.bar(month["session_date"].to_list(), 100 * month["turnover"].to_numpy(), width=25, color=ORANGE)
    lower.set_ylabel("traded a month, %")
    lower.set_xlim(upper.get_xlim())
    return rendered(figure, title)


def costs_so_far(costs: pl.DataFrame) -> Picture:
    """Commission and slippage paid since inception, stacked.

    Parameters
    ----------
    costs : frame
        session_date, commission_usd, slippage_usd; one row per session with a fill.
    """
    rows = filled(costs, "trades").sort("session_date")
    title = "Costs since inception"
    figure, (axes,) = new_figure(title, 3.0)
    paid = [rows[name].cast(pl.Float64).cum_sum().to_numpy() for name in ("commission_usd", "slippage_usd")]
    labels = [f"{name}: {sums[-1]:,.0f}" for name, sums in zip(("commission", "slippage"), paid, strict=True)]
    axes.stackplot(rows["session_date"].to_list(), paid, labels=labels, colors=(BLUE, ORANGE), alpha=0.6)
    axes.set_ylabel("US dollars")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.legend(frameon=False, fontsize=9, loc="upper left")
    return rendered(figure, title)


def causes_of_result(parts_usd: Mapping[str, float]) -> Picture:
    """What closed positions made or lost, by cause.

    Parameters
    ----------
    parts_usd : mapping of cause to US dollars
    """
    return _bars("What closed positions made or lost, by cause", dict(parts_usd), "US dollars")


def effects_of_principles(effects: pl.DataFrame) -> Picture:
    """What each principle saved (to the right) or cost (to the left) over a replay.

    Parameters
    ----------
    effects : frame
        principle (null for all together), effect_usd.
    """
    rows = filled(effects.drop_nulls("principle"), "effects of principles")
    bars = dict(rows.select("principle", "effect_usd").iter_rows())
    return _bars("What each principle saved or cost", bars, "US dollars at the end, with it minus without it")


def _bars(title: str, bars: Mapping[str, float], unit: str) -> Picture:
    figure, (axes,) = new_figure(title, 1.2 + 0.36 * len(bars))
    names, sizes = list(bars)[::-1], np.array(list(bars.values()), dtype=np.float64)[::-1]
    axes.barh(range(len(names)), sizes, color=[GREEN if size >= 0 else RED for size in sizes], alpha=0.75)
    axes.axvline(0, color=INK, linewidth=0.9)
    axes.set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
    reach = max(float(np.abs(sizes).max(initial=0.0)), 1e-9)
    axes.set_xlim(-1.35 * reach, 1.35 * reach)
    for place, size in enumerate(sizes):
        side = "left" if size >= 0 else "right"
        axes.annotate(
            f"{size:+,.0f}", (size, place), (4 if size >= 0 else -4, 0), textcoords="offset points",
            ha=side, va="center", fontsize=9, color=INK,
        )  # fmt: skip
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_xlabel(unit)
    return rendered(figure, title)
