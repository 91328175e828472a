"""Scores estimated before the labels came, beside what came: one picture."""

import polars as pl

from nextgen_assets.drawing import BLUE, MUTED, ORANGE, Picture, filled, new_figure, rendered

_TITLE = "Estimated before the labels, and what came"
_NAMES = {"brier_score": "Brier score", "hit_rate": "hit rate"}


def estimate_picture(estimates: pl.DataFrame) -> Picture:
    """Estimates with their intervals and the realised scores, session by session.

    Parameters
    ----------
    estimates : frame
        session_date, metric, estimated, lower, upper, realised (``early_estimates.realised_later``).
    """
    filled(estimates, "estimates")
    figure, stack = new_figure(_TITLE, 5.0, (1, 1))
    for axes, (metric, name) in zip(stack, _NAMES.items(), strict=True):
        rows = estimates.filter(metric=metric).sort("session_date")
        days = rows["session_date"].to_list()
        axes.fill_between(days, rows["lower"], rows["upper"], color=BLUE, alpha=0.15, linewidth=0)
        axes.plot(days, rows["estimated"], color=BLUE, linewidth=1.2, label="estimated, 95 % interval")
        axes.plot(days, rows["realised"], color=ORANGE, linewidth=1.0, label="came")
        axes.set_ylabel(name, color=MUTED)
        axes.legend(frameon=False, fontsize=9, loc="best")
    return rendered(figure, _TITLE)
