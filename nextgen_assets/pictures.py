"""Pictures of what the assets hold, small enough to sit in the metadata of a materialization.

Each function draws one figure and returns a ``Picture``; none reads a file, a clock or a global state
of the drawing library.
"""

import numpy as np
import polars as pl

from nextgen_assets.drawing import BLUE as _BLUE
from nextgen_assets.drawing import GREEN as _GREEN
from nextgen_assets.drawing import INK as _INK
from nextgen_assets.drawing import LINES as _LINES
from nextgen_assets.drawing import MUTED as _MUTED
from nextgen_assets.drawing import ORANGE as _ORANGE
from nextgen_assets.drawing import RED as _RED
from nextgen_assets.drawing import NothingToDrawError as NothingToDrawError
from nextgen_assets.drawing import Picture as Picture
from nextgen_assets.drawing import filled as _filled
from nextgen_assets.drawing import new_figure as _figure
from nextgen_assets.drawing import rendered as _picture

_STATUS_COLOURS = {"ok": "#8fc7a1", "warn": "#f2c14e", "fail": "#d64545"}
_NEUTRAL = 0.05


def equity_curve(values: pl.DataFrame) -> Picture:
    """Net asset value beside buy-and-hold, with the drawdown below.

    Parameters
    ----------
    values : frame
        portfolio_values of one scenario: session_date, net_asset_value_usd, benchmark_value_usd, drawdown.
    """
    rows = _filled(values, "portfolio_values").sort("session_date")
    figure, (upper, lower) = _figure("Portfolio and buy-and-hold of the universe", 4.8, rows=(3, 1))
    days = rows["session_date"].to_list()
    own, held = (
        rows[name].cast(pl.Float64).to_numpy() for name in ("net_asset_value_usd", "benchmark_value_usd")
    )
    upper.plot(days, held, color=_MUTED, linewidth=1.2)
    upper.plot(days, own, color=_BLUE, linewidth=1.6)
    top, bottom = ("portfolio", "buy and hold") if own[-1] >= held[-1] else ("buy and hold", "portfolio")
    colours = {"portfolio": _BLUE, "buy and hold": _MUTED}
    ends = {"portfolio": own[-1], "buy and hold": held[-1]}
    for name, shift in ((top, 6), (bottom, -6)):
        upper.annotate(
            f"{name}\n{ends[name]:,.0f}", (days[-1], ends[name]), (6, shift), textcoords="offset points",
            color=colours[name], fontsize=9, va="bottom" if shift > 0 else "top", annotation_clip=False,
        )  # fmt: skip
    upper.set_ylabel("US dollars")
    upper.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    upper.tick_params(labelbottom=False)
    lower.fill_between(days, -100 * rows["drawdown"].to_numpy(), 0, color=_RED, alpha=0.35, linewidth=0)
    lower.set_ylabel("drawdown, %")
    lower.set_xlim(upper.get_xlim())
    return _picture(figure, "Portfolio and buy-and-hold of the universe")


def reliability_diagram(probability: np.ndarray, is_up: np.ndarray, n_bins: int = 10) -> Picture:
    """Predicted probability of up against how often it came, with the number of predictions per bin.

    Parameters
    ----------
    probability, is_up : arrays (n_predictions,)
        Bars are two standard errors of a binomial, which overlapping horizons make too short; bins of
        fewer than 20 predictions are counted below but not drawn above.
    """
    if not probability.size:
        raise NothingToDrawError("reliability: no prediction has matured; validate some sessions first")
    figure, (upper, lower) = _figure("Reliability of the probability of up", 5.2, rows=(3, 1))
    edges = np.linspace(0.0, 1.0, n_bins + 1)
    place = np.minimum((probability * n_bins).astype(int), n_bins - 1)
    count = np.bincount(place, minlength=n_bins)
    filled = count >= min(20, int(count.max()))
    said = np.bincount(place, probability, n_bins)[filled] / count[filled]
    came = np.bincount(place, is_up.astype(float), n_bins)[filled] / count[filled]
    error = 2 * np.sqrt(came * (1 - came) / count[filled])
    low, high = max(0.0, edges[:-1][count > 0].min() - 0.05), min(1.0, edges[1:][count > 0].max() + 0.05)
    upper.plot([0, 1], [0, 1], color=_MUTED, linewidth=1, linestyle="--", label="perfectly calibrated")
    rate = float(is_up.mean())
    upper.axhline(rate, color=_ORANGE, linewidth=1, label=f"base rate {rate:.3f}")
    upper.errorbar(
        said, came, yerr=error, fmt="o-", color=_BLUE, markersize=5, linewidth=1.4, label="predictions"
    )
    spread = (float((came - error).min()) - 0.03, float((came + error).max()) + 0.03)
    upper.set_ylim(max(0.0, min(low, spread[0])), min(1.0, max(high, spread[1])))
    upper.set_ylabel("share that went up")
    upper.legend(frameon=False, fontsize=9, loc="upper left")
    upper.tick_params(labelbottom=False)
    lower.bar(edges[:-1], count, width=1 / n_bins, align="edge", color=_BLUE, alpha=0.35, edgecolor="white")
    lower.set_ylabel("predictions")
    lower.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    lower.set_xlabel("predicted probability of up")
    for axes in (upper, lower):
        axes.set_xlim(low, high)
    return _picture(figure, "Reliability of the probability of up")


def price_with_predictions(bars: pl.DataFrame, predictions: pl.DataFrame, ticker: str) -> Picture:
    """Closes of one ticker, the bounds that were predicted for each target session, hits and misses.

    Parameters
    ----------
    bars : frame
        [session_date, close] of the ticker, adjusted alike for all sessions shown.
    predictions : frame
        [session_date, target_session_date, lower_log_return, upper_log_return, expected_log_return] and,
        where matured, is_inside_interval (null while open); bounds are drawn from the close of
        session_date.
    """
    closes = _filled(bars, f"bars of {ticker}").sort("session_date")
    base = closes.select("session_date", base="close")
    fan = predictions.drop_nulls(["lower_log_return", "upper_log_return"]).join(base, on="session_date")
    fan = fan.sort("target_session_date")
    title = f"{ticker}: close and what had been predicted for it"
    figure, (axes,) = _figure(title, 4.6)
    days = fan["target_session_date"].to_list()
    edge = {
        name: fan["base"].to_numpy() * np.exp(fan[f"{name}_log_return"].to_numpy())
        for name in ("lower", "upper")
    }
    axes.fill_between(
        days, edge["lower"], edge["upper"], color=_BLUE, alpha=0.16, linewidth=0, label="predicted bounds"
    )
    axes.plot(
        closes["session_date"].to_list(), closes["close"].to_numpy(), color=_INK, linewidth=1.3, label="close"
    )
    known = closes.select(pl.col("session_date").alias("target_session_date"), target_close="close")
    marked = fan.join(known, on="target_session_date").drop_nulls("is_inside_interval")
    for is_hit, colour, marker, word in ((True, _GREEN, "o", "inside"), (False, _RED, "X", "outside")):
        part = marked.filter(pl.col("is_inside_interval") == is_hit)
        axes.scatter(
            part["target_session_date"].to_list(), part["target_close"].to_numpy(), s=14 if is_hit else 42,
            color=colour, marker=marker, zorder=3, linewidths=0, label=f"{word} the bounds: {part.height}",
        )  # fmt: skip
    axes.set_ylabel("US dollars")
    axes.legend(frameon=False, fontsize=9, loc="best")
    return _picture(figure, title)


def health_overview(health: pl.DataFrame) -> Picture:
    """Components by sessions, coloured by status, with the counts of what was not ok.

    Parameters
    ----------
    health : frame
        system_health: component, session_date, status.
    """
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    rows = _filled(health, "system_health")
    components = rows["component"].unique().sort().to_list()
    sessions = rows["session_date"].unique().sort().to_list()
    level = {status: number for number, status in enumerate(_STATUS_COLOURS)}
    grid = np.full((len(components), len(sessions)), np.nan)
    column = {day: place for place, day in enumerate(sessions)}
    line = {name: place for place, name in enumerate(components)}
    for component, day, status in rows.select("component", "session_date", "status").iter_rows():
        grid[line[component], column[day]] = level[status]
    figure, (axes,) = _figure("Health of every component", 1.5 + 0.36 * len(components))
    worst_last = ListedColormap(list(_STATUS_COLOURS.values()))
    axes.imshow(grid, aspect="auto", cmap=worst_last, vmin=-0.5, vmax=2.5, interpolation="nearest")
    axes.set_yticks(range(len(components)), components)
    axes.set_yticks(np.arange(len(components) - 1) + 0.5, minor=True)
    axes.grid(visible=False)
    axes.grid(visible=True, which="minor", axis="y", color="white", linewidth=2)
    axes.tick_params(which="both", length=0)
    ticks = np.unique(np.linspace(0, len(sessions) - 1, min(7, len(sessions))).round().astype(int))
    axes.set_xticks(ticks, [str(sessions[place]) for place in ticks])
    for place in range(len(components)):
        warned, failed = int((grid[place] == 1).sum()), int((grid[place] == 2).sum())
        text = ", ".join(f"{n} {word}" for n, word in ((warned, "warn"), (failed, "fail")) if n) or "all ok"
        axes.annotate(
            text, (1.01, place), xycoords=("axes fraction", "data"), fontsize=9, va="center", color=_MUTED
        )
    patches = [Patch(color=colour, label=status) for status, colour in _STATUS_COLOURS.items()]
    axes.legend(handles=patches, frameon=False, ncols=3, fontsize=9, loc="lower right", bbox_to_anchor=(1, 1))
    return _picture(figure, "Health of every component")


def learning_curves(curves: pl.DataFrame) -> Picture:
    """Training and validation loss by epoch, one colour per family; a family of one step is a dot.

    Parameters
    ----------
    curves : frame
        [family, epoch, training_loss, validation_loss]; null where not measured. The loss is what the
        family minimises (for the LSTM cross-entropy of the direction plus the error of the return), so
        families are not comparable by it.
    """
    rows = _filled(curves, "learning curves").sort("family", "epoch")
    figure, (axes,) = _figure("Learning curves", 4.2)
    for place, family in enumerate(rows["family"].unique().sort().to_list()):
        part, colour = rows.filter(pl.col("family") == family), _LINES[place % len(_LINES)]
        for name, style in (("training", "--"), ("validation", "-")):
            seen = part.drop_nulls(f"{name}_loss")
            losses = seen[f"{name}_loss"].to_numpy()
            axes.plot(
                seen["epoch"].to_numpy(),
                losses,
                style,
                color=colour,
                linewidth=1.5,
                marker="o" if len(losses) == 1 else None,
                label=f"{family}, {name}",
            )
    axes.set_xlabel("epoch")
    axes.set_ylabel("loss that training minimises")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return _picture(figure, "Learning curves")


def sentiment_timeline(sentiment: pl.DataFrame, ticker: str) -> Picture:
    """Mean sentiment of each session with news, sized by the number of articles, and its decayed level.

    Parameters
    ----------
    sentiment : frame
        news_sentiment of one ticker and method: session_date, mean_sentiment, decayed_sentiment,
        article_count.
    """
    rows = _filled(sentiment, f"news_sentiment of {ticker}").sort("session_date")
    title = f"{ticker}: sentiment of the news"
    figure, (axes,) = _figure(title, 3.8)
    days, mean = rows["session_date"].to_list(), rows["mean_sentiment"].to_numpy()
    axes.axhline(0, color=_MUTED, linewidth=0.8)
    axes.plot(days, rows["decayed_sentiment"].to_numpy(), color=_INK, linewidth=1.1, label="decayed")
    sizes = 14.0 + 16.0 * np.minimum(rows["article_count"].to_numpy(), 12)
    for sign, colour, word in ((1, _GREEN, "positive"), (0, _MUTED, "neutral"), (-1, _RED, "negative")):
        shown = np.sign(np.where(np.abs(mean) < _NEUTRAL, 0.0, mean)) == sign
        chosen = [day for day, is_shown in zip(days, shown, strict=True) if is_shown]
        axes.scatter(
            chosen, mean[shown], s=sizes[shown], color=colour, alpha=0.65, linewidths=0, zorder=3, label=word
        )
    axes.set_ylim(-1.05, 1.05)
    axes.set_ylabel("sentiment, -1 to 1")
    axes.legend(frameon=False, fontsize=9, ncols=4, loc="lower right", bbox_to_anchor=(1, 1), markerscale=0.8)
    return _picture(figure, title)
