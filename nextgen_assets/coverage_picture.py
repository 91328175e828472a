"""Coverage of the bounds by ticker, regime and year, as one picture."""

import polars as pl

from nextgen_assets.drawing import BLUE, MUTED, ORANGE, NothingToDrawError, Picture, new_figure, rendered

_MOST_TICKERS = 40
_TITLE = "Coverage of the bounds"


def coverage_picture(coverage: pl.DataFrame, promised: float) -> Picture:
    """Share of returns inside their bounds with its interval, the promise as a line.

    Parameters
    ----------
    coverage : frame
        ``domain.coverage.coverage_table``; of many tickers the least and the most covered are drawn.
    promised : float
        What the bounds say they hold.
    """
    if coverage.is_empty():
        raise NothingToDrawError(
            "coverage: no group has enough judged predictions; validate more sessions first"
        )
    tickers = coverage.filter(pl.col("scope") == "ticker").sort("coverage", "name")
    left_out = max(0, tickers.height - _MOST_TICKERS)
    if left_out:
        half = _MOST_TICKERS // 2
        tickers = pl.concat([tickers.head(half), tickers.tail(half)])
    rows = pl.concat([coverage.filter(pl.col("scope") != "ticker"), tickers])
    figure, (axes,) = new_figure(_TITLE, 1.4 + 0.2 * rows.height)
    values = rows["coverage"].to_numpy()
    below, above = values - rows["lower"].to_numpy(), rows["upper"].to_numpy() - values
    places = list(range(rows.height))
    axes.axvline(promised, color=ORANGE, linewidth=1, label=f"promised {promised:.0%}")
    axes.errorbar(values, places, xerr=[below, above], fmt="o", color=BLUE, markersize=4, linewidth=1)
    names = [
        row["name"] if row["scope"] in ("all", "ticker") else f"{row['scope']} {row['name']}"
        for row in rows.iter_rows(named=True)
    ]
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    label = "share of returns inside, 95 % interval from blocks of days"
    axes.set_xlabel(f"{label}; {left_out} tickers in between left out" if left_out else label, color=MUTED)
    axes.legend(frameon=False, fontsize=9, loc="best")
    return rendered(figure, _TITLE)
