"""The report: one self-contained HTML page."""

import html
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import polars as pl

from nextgen_assets.commands.summary import (
    KINDS,
    NOTE,
    SCORES,
    STATISTIC_HEADS,
    Figure,
    by_asset,
    contender,
    portfolio_verdict,
    statistic_rows,
)
from nextgen_assets.domain.trading.statistics import Comparison
from nextgen_assets.pictures import Picture, equity_curve, price_with_predictions, reliability_diagram
from nextgen_assets.results import Results
from nextgen_resources.settings.schema import Settings
from nextgen_resources.warehouse.warehouse import Warehouse

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1f2933; max-width: 940px; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.5rem; border-bottom: 1px solid #e4e7eb; }
.lead, figcaption, caption, .interval, tr.group td { color: #5f6c7b; } .verdict { font-weight: 600; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: 14px; margin: 1rem 0; }
caption { caption-side: bottom; text-align: left; padding-top: .5rem; font-size: 13px; }
th, td { padding: .3rem .8rem; border-bottom: 1px solid #e4e7eb; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; } tr.group td { border: 0; padding-top: .8rem; }
td.inner { padding-left: 1.2rem !important; color: #5f6c7b; } .interval { display: block; font-size: 12px; }
figure { margin: 1.5rem 0; } figcaption { font-size: 13px; } img { max-width: 100%; }
"""
_SHOWN_SESSIONS = 250
_EQUITY = (
    "Net asset value at each close after costs, and the same deposit spread at the first close over the securities "
    "then listed, held without costs. Below: how far the portfolio stood under its highest value."
)
_RELIABILITY = (
    "Where the line lies on the diagonal, probabilities came true as often as they said. Bars are two standard "
    "errors; they are too short, because the horizons of neighbouring sessions overlap."
)
_PRICES = (
    "Each day's band was drawn from the close of the session on which it was predicted; crosses are closes "
    "outside it. Prices are adjusted for splits."
)


def write_report(settings: Settings, warehouse: Warehouse, results: Results) -> Path:
    """Write ``report.html`` of the scenario and return its path."""
    parts = [f"<h1>NextGen</h1>\n<p class='lead'>{_lead(settings, results)}</p>"]
    if results.evaluation is not None:
        parts += ["<h2>Predictions</h2>", f'<p class="verdict">{html.escape(results.evaluation.verdict)}</p>']
        parts.append(_scores(results.evaluation.table))
        up = (results.outcomes["realised_log_return"] > 0).to_numpy()
        parts.append(
            _image(reliability_diagram(results.outcomes["probability_up"].to_numpy(), up), _RELIABILITY)
        )
        parts.append(_image(_prices(warehouse, results), _PRICES))
    if results.comparison is not None:
        parts += [
            "<h2>Portfolio</h2>",
            f'<p class="verdict">{html.escape(portfolio_verdict(results.comparison))}</p>',
        ]
        parts += [_image(equity_curve(results.values), _EQUITY), _portfolio(results.comparison)]
    parts += ["<h2>What each stage produced</h2>", _tables(results.tables)]
    settings.reports_dir.mkdir(parents=True, exist_ok=True)
    path = settings.reports_dir / "report.html"
    head = (
        "<!doctype html>\n<html lang='en'><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        f"<title>NextGen: {html.escape(settings.scenario_id)}</title><style>{_STYLE}</style>\n"
    )
    path.write_text(head + "\n".join(parts) + "\n</html>\n", encoding="utf-8")
    return path


def _lead(settings: Settings, results: Results) -> str:
    days = results.values["session_date"] if results.values.height else results.outcomes["session_date"]
    span = f", sessions {days.min()!s} to {days.max()!s}" if len(days) else ""
    return html.escape(
        f"Scenario {settings.scenario_id}, prices from {settings.ingestion.provider}, news from "
        f"{' and '.join(settings.news.sources)}{span}; predictions look {settings.models.horizon_sessions} sessions ahead."
    )


def _prices(warehouse: Warehouse, results: Results) -> Picture:
    """The newest year of the ticker with the most judged predictions."""
    ticker = str(results.outcomes["ticker"].mode().sort()[0])
    said = results.outcomes.filter(pl.col("ticker") == ticker).tail(_SHOWN_SESSIONS)
    span = {"first": said["session_date"].min(), "last": said["target_session_date"].max()}
    return price_with_predictions(
        warehouse.read("split_adjusted_closes", ticker=ticker, **span), said, ticker
    )


def _image(picture: Picture, caption: str) -> str:
    source = picture.markdown.partition("(")[2].removesuffix(")")
    alternative = html.escape(picture.title, quote=True)
    return f"<figure><img alt='{alternative}' src='{source}'><figcaption>{html.escape(caption)}</figcaption></figure>"


def _scores(table: pl.DataFrame) -> str:
    """Every contender's scores, each with its interval below."""
    rows = []
    for kind, group in groupby(table.rows(named=True), key=lambda row: str(row["kind"])):
        if KINDS[kind]:
            rows.append(f"<tr class='group'><td colspan='{2 + len(SCORES)}'>{KINDS[kind]}</td></tr>")
        for row in group:
            cells = "".join(f"<td>{_with_interval(row, score)}</td>" for score in SCORES)
            rows.append(
                f"<tr><td>{html.escape(contender(row['contender']))}</td>{cells}<td>{row['n']:,}</td></tr>"
            )
    return _table(["", *(score.name for score in SCORES), "predictions"], rows, NOTE)


def _with_interval(row: dict[str, Any], score: Figure) -> str:
    interval = score.interval(row[f"{score.key}_lower"], row[f"{score.key}_upper"])
    return f"{score.text(row[score.key])}<span class='interval'>{interval}</span>"


def _portfolio(comparison: Comparison) -> str:
    rows = [
        "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) for cells in statistic_rows(comparison)
    ]
    return _table(STATISTIC_HEADS, [f"<tr>{row}</tr>" for row in rows], "Intervals from blocks of sessions.")


def _tables(tables: pl.DataFrame) -> str:
    rows = [
        f"<tr><td{' class=inner' if name != asset else ''}>{name}</td><td>{count:,}</td></tr>"
        for name, asset, count in by_asset(tables)
    ]
    return _table(["asset and its tables", "rows"], rows, "")


def _table(heads: Sequence[str], rows: list[str], caption: str) -> str:
    head = "".join(f"<th>{html.escape(name)}</th>" for name in heads)
    note = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    return f"<div class='scroll'><table>{note}<tr>{head}</tr>{''.join(rows)}</table></div>"
