"""Statements of our own: templates of company news and of posts, filled with words drawn by a fixed seed."""

from __future__ import annotations

import random
import re
from importlib import resources
from typing import Any

import polars as pl

LABELS = ("negative", "neutral", "positive")
_SLOT = re.compile(r"\{([a-z]+)\}")
NEWS_FILE, POSTS_FILE = "statements.yaml", "post_statements.yaml"


def own_statements(per_template: int, seed: int, file: str = NEWS_FILE) -> pl.DataFrame:
    """Filled templates of ``file``, columns text and label; repeats of the same statement are left out.

    Parameters
    ----------
    per_template : int
        Draws for each template, at least 1.
    seed : int
        The same seed gives the same statements in the same order.
    """
    import yaml

    content = yaml.safe_load(resources.files(__package__).joinpath(file).read_text(encoding="utf-8"))
    draw = random.Random(seed)  # noqa: S311 -- no secret rests on it
    is_news = file == NEWS_FILE
    rows = [
        (_filled(template, content["slots"], draw, is_capitalised=is_news), label)
        for label in LABELS
        for template in content[label]
        for _ in range(per_template)
    ]
    frame = pl.DataFrame(rows, schema={"text": pl.String(), "label": pl.String()}, orient="row")
    return frame.unique(subset="text", keep="first", maintain_order=True)


def _filled(template: str, slots: dict[str, list[Any]], draw: random.Random, *, is_capitalised: bool) -> str:
    text = _SLOT.sub(lambda found: str(draw.choice(slots[found.group(1)])), template)
    return text[0].upper() + text[1:] if is_capitalised else text
