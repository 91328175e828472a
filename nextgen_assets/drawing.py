"""The house style of pictures: one figure of stacked axes, rendered to a small PNG outside any global state."""

import base64
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import polars as pl

INK, MUTED, GRID = "#1f2933", "#7b8794", "#e4e7eb"
BLUE, ORANGE, GREEN, RED = "#2563ab", "#d9822b", "#2f855a", "#c53030"
LINES = (BLUE, ORANGE, GREEN, "#805ad5", "#b83280", "#2c7a7b")
_WIDTH_INCHES, _DOTS_PER_INCH = 9.0, 100


@dataclass(frozen=True)
class Picture:
    """A PNG and the words that stand for it."""

    title: str
    png: bytes

    @property
    def markdown(self) -> str:
        """The picture as one line of Markdown that carries its own data."""
        return f"![{self.title}](data:image/png;base64,{base64.b64encode(self.png).decode('ascii')})"


class NothingToDrawError(ValueError):
    """The frame holds no row that could be drawn."""


def filled(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """The frame, or an error where it holds no row."""
    if not frame.height:
        raise NothingToDrawError(f"{name}: no row to draw; materialize the sessions first")
    return frame


def new_figure(title: str, height_inches: float, rows: tuple[int, ...] = (1,)) -> tuple[Any, tuple[Any, ...]]:
    """A titled figure of stacked axes in the house style, outside any global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH_INCHES, height_inches), dpi=_DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    stack = tuple(figure.subplots(len(rows), 1, height_ratios=rows, squeeze=False)[:, 0])
    for axes in stack:
        _style(axes)
    stack[0].set_title(title, loc="left", fontsize=12, color=INK, fontweight="bold", pad=10)
    return figure, stack


def _style(axes: Any) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(GRID)
    axes.grid(visible=True, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, labelsize=9, length=0)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)


def rendered(figure: Any, title: str) -> Picture:
    """Render to PNG in a palette of its own: a third of the size, and equal data give equal bytes."""
    from PIL import Image

    figure.canvas.draw()
    pixels = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).convert("RGB")
    target = BytesIO()
    pixels.quantize(96, dither=Image.Dither.NONE).save(target, format="PNG", optimize=True)
    return Picture(title, target.getvalue())
