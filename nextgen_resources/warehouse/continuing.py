"""Frames that continue from stored rows: what those rows were when they were read goes with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl


@dataclass(frozen=True)
class Mark:
    """What a named query of one value gave when an asset read the rows that it stands for."""

    query: str
    parameters: Mapping[str, Any]
    value: Any


@dataclass(frozen=True)
class Continued:
    """Frames of an asset that continue from stored rows, and marks of those rows.

    The write refuses them if a mark is another one by then: of two runs at once on one past, the later one
    reads what the earlier one wrote.
    """

    frames: Mapping[str, pl.DataFrame]
    marks: tuple[Mark, ...]
