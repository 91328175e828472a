"""The summary that a person reads after a run; it fits a terminal of 80 columns."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

import polars as pl
from rich import box
from rich.console import Console
from rich.table import Table

from nextgen_assets.domain.trading.statistics import Comparison
from nextgen_assets.results import Results


@dataclass(frozen=True)
class Figure:
    """How one figure is called and written.

    Attributes
    ----------
    style, interval_style : str
        Format of the value and of the ends of its interval; ``%`` makes percents.
    """

    key: str
    name: str
    style: str
    interval_style: str

    def text(self, value: float | None) -> str:
        """The value, or a dash where there is none."""
        return "–" if value is None else f"{value:{self.style}}"

    def interval(self, lower: float | None, upper: float | None) -> str:
        """Both ends, the percent sign written once."""
        if lower is None or upper is None:
            return ""
        ends = [f"{value:{self.interval_style}}" for value in (lower, upper)]
        if ends[0].endswith("%"):
            ends[0] = ends[0][:-1]
        return ("…" if "-" in "".join(ends) else "–").join(ends)


SCORES = (
    Figure("accuracy", "accuracy", ".1%", ".1%"),
    Figure("brier_score", "Brier score", ".4f", ".3f"),
    Figure("log_loss", "log loss", ".4f", ".3f"),
    Figure("coverage", "coverage", ".1%", ".1%"),
    Figure("information_coefficient", "inf. coef.", "+.3f", "+.2f"),
)
STATISTICS = (
    Figure("total_return", "total return", "+.1%", "+.1%"),
    Figure("cagr", "growth a year", "+.2%", "+.1%"),
    Figure("volatility", "volatility a year", ".1%", "+.1%"),
    Figure("sharpe", "Sharpe ratio", ".2f", "+.2f"),
    Figure("max_drawdown", "deepest drawdown", ".1%", "+.1%"),
)
STATISTIC_HEADS = ("", "portfolio", "buy and hold", "difference", "95 % interval")
NOTE = (
    "Ranges are 95 % intervals from blocks of days. Brier score and log loss: lower is better. Coverage: "
    "returns inside the predicted bounds. Inf. coef.: correlation of what was said with what came."
)
KINDS = {"model": "", "member": "members", "baseline": "baselines"}
_NAMES = {"predictions": "ensemble", "lstm": "LSTM"}
_WIDE_COLUMNS = 110


def contender(name: str) -> str:
    """A forecaster as people call it."""
    return _NAMES.get(name, name.replace("_", " "))


def stage_table(results: Results, seconds: Mapping[str, float]) -> Table:
    """What each asset's tables hold, and how long it took where it ran."""
    table = Table("asset and its tables", "rows", title="What each stage produced", box=box.SIMPLE_HEAD)
    table.columns[1].justify = "right"
    if seconds:
        table.add_column("seconds", justify="right")
    for name, asset, count in by_asset(results.tables):
        took = [f"{seconds[asset]:.1f}" if asset in seconds and name == asset else ""] if seconds else []
        if name == asset:
            table.add_row(name, f"{count:,}", *took)
        else:
            table.add_row(f"  [dim]{name}[/dim]", f"[dim]{count:,}[/dim]", *took)
    return table


def by_asset(tables: pl.DataFrame) -> list[tuple[str, str, int]]:
    """Table, asset and rows, the tables of an asset together and its own first."""
    order = {asset: place for place, asset in enumerate(dict.fromkeys(tables["asset"]))}
    return sorted(tables.rows(), key=lambda row: (order[row[1]], row[0] != row[1]))


def quality_table(results: Results, is_wide: bool) -> Table | None:
    """Scores of the predictions beside their members and naive baselines.

    Parameters
    ----------
    is_wide : bool
        Whether an interval has room beside its value rather than below it.
    """
    if results.evaluation is None:
        return None
    rows = results.evaluation.table.rows(named=True)
    table = Table("", *(score.name for score in SCORES), box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.title = f"Prediction quality, {rows[0]['n']:,} predictions on {rows[0]['n_sessions']:,} sessions"
    table.caption, table.caption_justify = NOTE, "left"
    for kind, group in groupby(rows, key=lambda row: row["kind"]):
        if KINDS[kind]:
            table.add_row(f"[dim]{KINDS[kind]}[/dim]")
        for row in group:
            table.add_row(
                contender(row["contender"]), *(_with_interval(row, score, is_wide) for score in SCORES)
            )
        table.add_section()
    return table


def _with_interval(row: Mapping[str, float | None], score: Figure, is_wide: bool) -> str:
    interval = score.interval(row[f"{score.key}_lower"], row[f"{score.key}_upper"])
    return f"{score.text(row[score.key])}{'  ' if is_wide else chr(10)}[dim]{interval}[/dim]"


def portfolio_table(comparison: Comparison) -> Table:
    """The portfolio beside buy-and-hold of the universe from the same deposit."""
    table = Table(*STATISTIC_HEADS, box=box.SIMPLE_HEAD)
    table.title = f"Portfolio beside buy-and-hold, {comparison.n_sessions:,} sessions"
    for column in table.columns[1:]:
        column.justify = "right"
    for row in statistic_rows(comparison):
        table.add_row(*row)
    return table


def statistic_rows(comparison: Comparison) -> list[tuple[str, ...]]:
    """Cells under ``STATISTIC_HEADS``; the total return has no interval."""
    rows: list[tuple[str, ...]] = []
    for figure in STATISTICS:
        ours, theirs = (getattr(side, figure.key) for side in (comparison.portfolio, comparison.benchmark))
        gap = comparison.differences.get(figure.key)
        shown = (
            (f"{gap.value:{figure.interval_style}}", figure.interval(gap.lower, gap.upper))
            if gap
            else ("", "")
        )
        rows.append((figure.name, figure.text(ours), figure.text(theirs), *shown))
    return rows


def print_summary(console: Console, results: Results, seconds: Mapping[str, float]) -> None:
    """Print the tables and say plainly what they amount to."""
    console.print(stage_table(results, seconds))
    quality = quality_table(results, console.width >= _WIDE_COLUMNS)
    if quality is not None and results.evaluation is not None:
        console.print(quality)
        console.print(f"\n[bold]{results.evaluation.verdict}[/bold]\n")
    if results.comparison is not None:
        console.print(portfolio_table(results.comparison))
        console.print(f"[bold]{portfolio_verdict(results.comparison)}[/bold]\n")


def portfolio_verdict(comparison: Comparison) -> str:
    """One sentence on the portfolio and its benchmark."""
    gap = comparison.differences["cagr"]
    if gap.lower > 0:
        opening = "The portfolio grew faster than buy-and-hold"
    elif gap.upper < 0:
        opening = "The portfolio grew more slowly than buy-and-hold"
    else:
        opening = "The portfolio's growth cannot be told from that of buy-and-hold"
    return (
        f"{opening}: {comparison.portfolio.cagr:+.2%} a year against {comparison.benchmark.cagr:+.2%}, at a drawdown of "
        f"{comparison.portfolio.max_drawdown:.0%} against {comparison.benchmark.max_drawdown:.0%}."
    )
