"""The rows of ``trade_plans`` while they are drafted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nextgen_assets.domain.trading.fills import Order
from nextgen_assets.domain.trading.money import MONEY, content_id, to_micros
from nextgen_assets.domain.trading.portfolio import Book
from nextgen_assets.domain.trading.principles import Judgement, Principle, Situation
from nextgen_assets.domain.trading.quantities import normal, quantity_series, unsigned

PLAN_SCHEMA: Final[dict[str, pl.DataType]] = {
    "plan_id": pl.String(),
    "scenario_id": pl.String(),
    "session_date": pl.Date(),
    "ticker": pl.String(),
    "action": pl.String(),
    "target_weight": pl.Float64(),
    "quantity": MONEY,
    "reference_price": pl.Float64(),
    "prediction_id": pl.String(),
    "principles": pl.String(),
    "as_of": pl.Datetime("us", "UTC"),
}


@dataclass
class PlanRows:
    """Columns of ``trade_plans`` without ``run_id``, growing session by session."""

    columns: dict[str, list[object]] = field(default_factory=lambda: {name: [] for name in PLAN_SCHEMA})

    @property
    def height(self) -> int:
        """Rows so far."""
        return len(self.columns["plan_id"])

    def orders(self, first_row: int) -> list[Order]:
        """The trades planned in the rows from ``first_row`` on."""
        names = ("plan_id", "session_date", "ticker", "action", "quantity", "reference_price")
        rows: Iterable[Any] = zip(*(self.columns[name][first_row:] for name in names), strict=True)
        return [
            Order(plan_id, session, ticker, action, quantity, to_micros(price))
            for plan_id, session, ticker, action, quantity, price in rows
            if action in ("buy", "sell")
        ]

    def frame(self) -> pl.DataFrame:
        """The rows, by session and ticker."""
        quantities = {"quantity": quantity_series("quantity", self.columns["quantity"])}  # type: ignore[arg-type]
        return pl.DataFrame({**self.columns, **quantities}, schema=PLAN_SCHEMA)


def principles_json(principles: Sequence[Principle], judgements: list[Judgement]) -> list[str]:
    """What each principle said, one JSON list per ticker."""
    parts = []
    for principle, said in zip(principles, judgements, strict=True):
        head = f'{{"principle": {json.dumps(principle.name)}, "verdict": "'
        parts.append(
            [
                f'{head}{verdict}", "factor": {factor!r}, "reason": {json.dumps(reason)}}}'
                for verdict, factor, reason in zip(
                    said.verdict.tolist(), said.factor.tolist(), said.reasons, strict=True
                )
            ]
        )
    return [f"[{', '.join(row)}]" for row in zip(*parts, strict=True)]


def append_plans(
    plans: PlanRows,
    book: Book,
    situation: Situation,
    weights: NDArray[np.float64],
    changes: NDArray[np.int64],
    principles: list[str] | None,
    prediction_ids: list[object],
    as_of: datetime,
) -> None:
    """Append a row per ticker of the situation, or, where nothing is said of it, per order alone."""
    columns = plans.columns
    for ticker, is_short, size, change, held, price, said, prediction_id in zip(
        situation.tickers,
        situation.short_side.tolist(),
        weights.tolist(),
        changes.tolist(),
        situation.quantity_held.tolist(),
        situation.price_usd.tolist(),
        principles or [""] * len(changes),
        prediction_ids,
        strict=True,
    ):
        if not (principles or change):
            continue
        action = ("buy", "sell")[(change > 0) == is_short] if change else "hold" if held else "none"
        weight = -size if is_short and size else size
        quantity = normal(Fraction(abs(change), situation.rules.lots_per_share))
        if change == -held:  # closed: exactly what is held, whatever the lots
            quantity = unsigned(book.quantity(ticker))
        decided = (book.scenario_id, situation.session_date, ticker, action, weight, quantity, price)
        plan_id = content_id("plan", *decided, prediction_id, said) if principles else f"plan of {ticker}"
        for name, value in zip(PLAN_SCHEMA, (plan_id, *decided, prediction_id, said, as_of), strict=True):
            columns[name].append(value)
