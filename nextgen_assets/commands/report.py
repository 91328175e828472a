"""The report: one self-contained HTML page."""

import html
from pathlib import Path

import polars as pl

from nextgen_assets.commands.summary import portfolio_verdict
from nextgen_assets.pictures import Picture, equity_curve, price_with_predictions, reliability_diagram
from nextgen_assets.results import Results
from nextgen_resources.settings.schema import Settings
from nextgen_resources.warehouse.warehouse import Warehouse

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1f2933; max-width: 960px; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; font-size: 14px; margin: 1rem 0; display: block; overflow-x: auto; }
th, td { padding: .25rem .75rem; border-bottom: 1px solid #e4e7eb; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
img { max-width: 100%; } .verdict { font-weight: 600; }
"""
_SHOWN_SESSIONS = 250


def write_report(settings: Settings, warehouse: Warehouse, results: Results) -> Path:
    """Write ``report.html`` of the scenario and return its path."""
    parts = [f"<h1>NextGen: scenario {html.escape(settings.scenario_id)}</h1>"]
    if results.comparison is not None:
        parts += [
            "<h2>Portfolio</h2>",
            f'<p class="verdict">{html.escape(portfolio_verdict(results.comparison))}</p>',
        ]
        parts.append(_image(equity_curve(results.values)))
    if results.evaluation is not None:
        parts += ["<h2>Predictions</h2>", f'<p class="verdict">{html.escape(results.evaluation.verdict)}</p>']
        parts.append(_table(results.evaluation.table))
        up = (results.outcomes["realised_log_return"] > 0).to_numpy()
        parts.append(_image(reliability_diagram(results.outcomes["probability_up"].to_numpy(), up)))
        parts.append(_image(_prices(warehouse, results)))
    parts += ["<h2>Tables</h2>", _table(results.tables)]
    settings.reports_dir.mkdir(parents=True, exist_ok=True)
    path = settings.reports_dir / "report.html"
    title = (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>NextGen</title><style>{_STYLE}</style>"
    )
    path.write_text(title + "\n".join(parts) + "</html>\n", encoding="utf-8")
    return path


def _prices(warehouse: Warehouse, results: Results) -> Picture:
    """The newest year of the ticker with the most judged predictions."""
    ticker = str(results.outcomes["ticker"].mode().sort()[0])
    said = results.outcomes.filter(pl.col("ticker") == ticker).tail(_SHOWN_SESSIONS)
    bars = warehouse.read(
        "SELECT session_date, close FROM market_prices WHERE ticker = $ticker AND session_date >= $first ORDER BY session_date",
        ticker=ticker,
        first=said["session_date"].min(),
    )
    return price_with_predictions(bars, said, ticker)


def _image(picture: Picture) -> str:
    source = picture.markdown.partition("(")[2].removesuffix(")")
    return f'<p><img alt="{html.escape(picture.title)}" src="{source}"></p>'


def _table(frame: pl.DataFrame) -> str:
    head = "".join(f"<th>{html.escape(name.replace('_', ' '))}</th>" for name in frame.columns)
    rows = "".join(
        "<tr>" + "".join(f"<td>{_cell(value)}</td>" for value in row) + "</tr>" for row in frame.rows()
    )
    return f"<table><tr>{head}</tr>{rows}</table>"


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4f}"
    return html.escape(f"{value:,}" if isinstance(value, int) else str(value))
