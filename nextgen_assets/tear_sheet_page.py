"""The tear sheet as one self-contained HTML page: no script, no address outside itself."""

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from nextgen_assets.domain.intervals import BootstrapConfig, clustered_interval, sums_per_session
from nextgen_assets.drawing import Picture
from nextgen_assets.performance_pictures import (
    causes_of_result,
    costs_so_far,
    effects_of_principles,
    exposure_and_turnover,
    growth_and_drawdown,
    rolling_sharpe_ratio,
)
from nextgen_assets.pictures import reliability_diagram

EXTREMES = 5
"""Best and worst closed positions that are shown."""
_RARE = 0.05

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1f2933; max-width: 940px; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.5rem; border-bottom: 1px solid #e4e7eb; }
.lead, figcaption, caption { color: #5f6c7b; } .scroll { overflow-x: auto; } figure { margin: 1.5rem 0; }
table { border-collapse: collapse; font-size: 14px; margin: 1rem 0; } figcaption, caption { font-size: 13px; }
caption { caption-side: bottom; text-align: left; padding-top: .5rem; } img { max-width: 100%; }
th, td { padding: .3rem .8rem; border-bottom: 1px solid #e4e7eb; text-align: right; vertical-align: top; }
th:first-child, td:first-child, .words { text-align: left; } th:first-child, td:first-child { padding-left: 0; }
th, td { white-space: nowrap; } th.words, td.words { white-space: normal; }
details { margin: .6rem 0; } pre { font-size: 12px; overflow-x: auto; background: #f7f9fb; padding: 1rem; }
"""
_FIGURES = (
    ("total return", "total_return", "benchmark_total_return", "+.1%"),
    ("growth a year", "cagr", "benchmark_cagr", "+.2%"),
    ("volatility a year", "volatility", "benchmark_volatility", ".1%"),
    ("Sharpe ratio", "sharpe", "benchmark_sharpe", ".2f"),
    ("deepest drawdown", "max_drawdown", "benchmark_max_drawdown", ".1%"),
    ("Sortino ratio", "sortino", None, ".2f"),
    ("mean share invested", "mean_gross_exposure", None, ".1%"),
    ("turnover a year", "turnover_a_year", None, ".1f"),
    ("costs a year", "cost_a_year", None, ".2%"),
)


@dataclass(frozen=True)
class TearSheetInputs:
    """What the page is made of, all of one scenario and none later than its last session.

    Parameters
    ----------
    rows, values, costs : DataFrame
        tear_sheet and portfolio_values since inception; commission and slippage by session.
    closed : DataFrame
        Closed positions: ticker, opened_on, session_date, thesis, outcome, lesson, realized_pnl_usd,
        attribution (JSON), outcome_chance, prediction_id.
    judged : DataFrame
        session_date, probability_up, realised_log_return, is_inside_interval, interval_coverage.
    explanations : mapping of prediction id to text
        Of the positions shown.
    effects : DataFrame or None
        From ``principle_effects``, where they were replayed.
    """

    rows: pl.DataFrame
    values: pl.DataFrame
    costs: pl.DataFrame
    closed: pl.DataFrame
    judged: pl.DataFrame
    explanations: Mapping[str, str]
    effects: pl.DataFrame | None = None


def extremes(closed: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The best and the worst closed positions, at most ``EXTREMES`` each; none is in both."""
    ordered = closed.sort("realized_pnl_usd", "session_date", "ticker", descending=[True, False, False])
    best = ordered.filter(pl.col("realized_pnl_usd") > 0).head(EXTREMES)
    return best, ordered.filter(pl.col("realized_pnl_usd") < 0).tail(EXTREMES).reverse()


def pictures_of(inputs: TearSheetInputs) -> dict[str, Picture]:
    """The pictures that there is something for, by name."""
    found = {"growth": growth_and_drawdown(inputs.values)}
    if inputs.rows["rolling_sharpe"].null_count() < inputs.rows.height:
        found["rolling_sharpe"] = rolling_sharpe_ratio(inputs.rows)
    found["exposure"] = exposure_and_turnover(inputs.values)
    if inputs.costs.height:
        found["costs"] = costs_so_far(inputs.costs)
    if inputs.closed.height:
        found["causes"] = causes_of_result(_causes(inputs.closed))
    if inputs.judged.height:
        said = inputs.judged["probability_up"].to_numpy()
        found["calibration"] = reliability_diagram(said, inputs.judged["realised_log_return"].to_numpy() > 0)
    if inputs.effects is not None:
        found["principles"] = effects_of_principles(inputs.effects)
    return found


def tear_sheet_page(inputs: TearSheetInputs, scenario_id: str, pictures: Mapping[str, Picture]) -> str:
    """The page as text."""
    newest = inputs.rows.row(-1, named=True)
    first, last = inputs.values["session_date"].min(), newest["session_date"]
    title = html.escape(f"Tear sheet of {scenario_id}")
    captions = _captions(inputs, newest)
    parts = [
        f"<h1>{title}</h1><p class='lead'>{first!s} to {last!s}, {newest['n_returns']:,} session returns</p>",
        _figures(newest),
        *(_figure(picture, captions[name]) for name, picture in pictures.items()),
        *_positions(inputs),
    ]
    head = (
        "<!doctype html>\n<html lang='en'><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        f"<title>{title}</title><style>{_STYLE}</style>\n"
    )
    return head + "\n".join(parts) + "\n</html>\n"


def _captions(inputs: TearSheetInputs, newest: Mapping[str, Any]) -> dict[str, str]:
    deflated = newest["deflated_sharpe"]
    doubt = "" if deflated is None else (
        f" The chance that the ratio since inception ({newest['sharpe']:.2f}) is real and not the luckiest of "
        f"{newest['trials']} tries: {deflated:.0%}."
    )  # fmt: skip
    return {
        "growth": "Values at the close after costs; buy-and-hold without costs; the deposit, which earns no "
        "interest. Logarithmic scale.",
        "rolling_sharpe": "The interval takes sessions as independent and allows for fat tails." + doubt,
        "exposure": "What is not invested is cash.",
        "costs": "Slippage is the distance of each fill from the open.",
        "causes": "Market: what the universe's move did to what was held; selection: the move relative to it; "
        "timing: changes of size and longer holds; luck: beyond the bounds that were predicted."
        + _rare_outcomes(inputs.closed),
        "calibration": _coverage(inputs.judged),
        "principles": "The record replayed without each principle in turn, forecasts unchanged. One path of "
        "history: effects overlap, do not add up, and say what happened rather than what to expect.",
    }


def _rare_outcomes(closed: pl.DataFrame) -> str:
    """How many positions ended where one in ten should, by the predictions that opened them."""
    chances = closed["outcome_chance"].cast(pl.Float64).drop_nulls()
    if chances.is_empty():
        return ""
    rare = int((chances < _RARE).sum())
    return (
        f" Of {len(chances)} closed positions {rare} came out as far from what was predicted as {2 * _RARE:.0%} of "
        f"outcomes should ({2 * _RARE * len(chances):.0f} would)."
    )


def _coverage(judged: pl.DataFrame) -> str:
    """How often returns lay inside the bounds, with an interval from blocks of sessions."""
    inside = judged.drop_nulls("is_inside_interval")
    if inside["session_date"].n_unique() < 2:
        return "Too few judged predictions to state the coverage of the bounds."
    place = inside["session_date"].rank("dense").to_numpy().astype(np.int64) - 1
    hits = sums_per_session(inside["is_inside_interval"].cast(pl.Float64).to_numpy(), place)
    counts = sums_per_session(np.ones(inside.height), place)
    held = clustered_interval(hits, counts, BootstrapConfig(block_sessions=10))
    meant = float(inside["interval_coverage"].cast(pl.Float64).mean() or 0.0)  # type: ignore[arg-type]
    return (
        f"Bounds meant to hold {meant:.0%} of the returns held {held.value:.1%} (95 % interval {held.lower:.1%} to "
        f"{held.upper:.1%}) of {held.n:,} on {held.n_sessions:,} sessions."
    )


def _figures(newest: Mapping[str, Any]) -> str:
    def text(key: str | None, style: str) -> str:
        return "" if key is None else "–" if newest[key] is None else f"{newest[key]:{style}}"

    rows = [(name, text(own, style), text(held, style)) for name, own, held, style in _FIGURES]
    if newest["sharpe"] is not None:
        span = f"{newest['sharpe']:.2f} ({newest['sharpe_lower']:.2f} to {newest['sharpe_upper']:.2f})"
        rows = [(name, span if name == "Sharpe ratio" else own, held) for name, own, held in rows]
    note = (
        "Growth by elapsed calendar time, volatility and Sharpe ratio by the sessions a year that the record shows; "
        "nothing is stated per year before 63 returns. In brackets the 95 % interval."
    )
    return table(("", "portfolio", "buy and hold"), rows, note)


def _figure(picture: Picture, caption: str) -> str:
    source = picture.markdown.partition("(")[2].removesuffix(")")
    said = html.escape(caption)
    return (
        f"<figure><img alt='{html.escape(picture.title, quote=True)}' src='{source}'>"
        f"<figcaption>{said}</figcaption></figure>"
    )


def _positions(inputs: TearSheetInputs) -> list[str]:
    best, worst = extremes(inputs.closed)
    parts = []
    for name, chosen in (("Best positions", best), ("Worst positions", worst)):
        if chosen.height:
            parts += [f"<h2>{name}</h2>", _position_table(chosen, inputs.explanations)]
    if inputs.closed.height:
        parts += ["<h2>Lessons</h2>", _lesson_table(inputs.closed)]
    parts += [
        f"<details id='{html.escape(key, quote=True)}'><summary>nextgen explain {html.escape(key)}</summary>"
        f"<pre>{html.escape(text)}</pre></details>"
        for key, text in inputs.explanations.items()
    ]
    return parts


def _position_table(chosen: pl.DataFrame, explanations: Mapping[str, str]) -> str:
    lines = []
    for row in chosen.iter_rows(named=True):
        name, key = html.escape(row["ticker"]), row["prediction_id"]
        linked = f"<a href='#{html.escape(key, quote=True)}'>{name}</a>" if key in explanations else name
        words = html.escape(f"{row['thesis']}; {row['outcome']}. {row['lesson']}")
        lines.append(
            f"<tr><td>{linked}</td><td>{row['opened_on']}</td><td>{row['session_date']}</td>"
            f"<td>{row['realized_pnl_usd']:+,.2f}</td><td>{html.escape(_percent(row['outcome_chance']))}</td>"
            f"<td class='words'>{words}</td></tr>"
        )
    heads = "".join(f"<th>{head}</th>" for head in ("ticker", "opened", "closed", "US dollars", "chance"))
    heads += "<th class='words'>thesis, outcome, lesson</th>"
    return f"<div class='scroll'><table><tr>{heads}</tr>{''.join(lines)}</table></div>"


def _lesson_table(closed: pl.DataFrame) -> str:
    """How often each lesson came and what the positions made together, the most frequent first."""
    counted = closed.group_by("lesson").agg(
        pl.len().alias("times"), pl.col("realized_pnl_usd").sum().alias("made")
    )
    rows = [
        (row["lesson"], f"{row['times']:,}", f"{row['made']:+,.2f}")
        for row in counted.sort(["times", "lesson"], descending=[True, False]).iter_rows(named=True)
    ]
    note = "By the cause that weighed most in the direction of the result of each closed position."
    return table(("lesson", "positions", "US dollars together"), rows, note)


def _percent(share: float | None) -> str:
    return "–" if share is None else "< 0.1%" if share < 0.001 else f"{share:.1%}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], note: str) -> str:
    """A table of texts, escaped."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    caption = html.escape(note)
    return f"<div class='scroll'><table><caption>{caption}</caption><tr>{head}</tr>{body}</table></div>"


def _causes(closed: pl.DataFrame) -> dict[str, float]:
    sums: dict[str, float] = {}
    for text in closed["attribution"].to_list():
        for cause, amount in json.loads(text).items():
            sums[cause] = sums.get(cause, 0.0) + float(amount)
    return sums
