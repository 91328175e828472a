"""The summary that a person reads after a run."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from nextgen_assets.domain.trading.statistics import Comparison
from nextgen_assets.results import Results

_SCORES = (
    ("accuracy", ".1%"),
    ("brier_score", ".4f"),
    ("log_loss", ".4f"),
    ("coverage", ".1%"),
    ("information_coefficient", "+.3f"),
)
_STATISTICS = (
    ("total_return", "+.1%"),
    ("cagr", "+.2%"),
    ("volatility", ".1%"),
    ("sharpe", ".2f"),
    ("max_drawdown", ".1%"),
)


def stage_table(results: Results, seconds: Mapping[str, float]) -> Table:
    """What each stage produced, and how long it took where it ran."""
    table = Table("asset", "table", "rows", "seconds", title="What each stage produced")
    table.columns[2].justify = table.columns[3].justify = "right"
    previous = ""
    for name, asset, rows in results.tables.rows():
        took = f"{seconds[asset]:.1f}" if asset in seconds and asset != previous else ""
        table.add_row(asset if asset != previous else "", name, f"{rows:,}", took)
        previous = asset
    return table


def quality_table(results: Results) -> Table | None:
    """Scores of the predictions beside their members and naive baselines, with 95 % intervals."""
    if results.evaluation is None:
        return None
    table = Table("who", "predictions", *(name.replace("_", " ") for name, _ in _SCORES))
    table.title = "Prediction quality (95 % intervals, clustered by day)"
    for row in results.evaluation.table.iter_rows(named=True):
        cells = [_with_interval(row, name, style) for name, style in _SCORES]
        table.add_row(f"{row['contender']}\n[dim]{row['kind']}[/dim]", f"{row['n']:,}", *cells)
    return table


def _with_interval(row: Mapping[str, float | None], name: str, style: str) -> str:
    if row[name] is None:
        return "–"
    return f"{row[name]:{style}}\n[dim]{row[f'{name}_lower']:{style}} … {row[f'{name}_upper']:{style}}[/dim]"


def portfolio_table(comparison: Comparison) -> Table:
    """The portfolio beside buy-and-hold of the universe from the same deposit."""
    table = Table("statistic", "portfolio", "buy and hold", "difference (95 % interval)")
    table.title = f"Portfolio beside buy-and-hold, {comparison.n_sessions:,} sessions"
    for name, style in _STATISTICS:
        ours, theirs = getattr(comparison.portfolio, name), getattr(comparison.benchmark, name)
        gap = comparison.differences.get(name)
        shown = f"{gap.value:{style}} ({gap.lower:{style}} … {gap.upper:{style}})" if gap else ""
        table.add_row(name.replace("_", " "), f"{ours:{style}}", f"{theirs:{style}}", shown)
    return table


def print_summary(console: Console, results: Results, seconds: Mapping[str, float]) -> None:
    """Print the tables and say plainly what they amount to."""
    console.print(stage_table(results, seconds))
    quality = quality_table(results)
    if quality is not None and results.evaluation is not None:
        console.print(quality)
        console.print(f"[bold]{results.evaluation.verdict}[/bold]")
    if results.comparison is not None:
        console.print(portfolio_table(results.comparison))
        console.print(f"[bold]{portfolio_verdict(results.comparison)}[/bold]")


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
