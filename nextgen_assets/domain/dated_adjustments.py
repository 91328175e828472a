"""Adjustments as dated rows: what was learned at one session, and the later session that it takes effect at."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from nextgen_assets.domain.adjustment import Adjustment
from nextgen_assets.domain.conformal import ErrorScale
from nextgen_assets.domain.sessions import SessionCalendar

CALIBRATION, BOUNDS, WIDTHS = "calibration", "bounds", "widths"
_MOMENT = pl.Datetime("us", "UTC")
ADJUSTMENT_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "adjustment_id": pl.String,
    "scenario_id": pl.String,
    "kind": pl.String,
    "scope": pl.String,
    "learned_from": pl.Date,
    "effective_from": pl.Date,
    "parameters": pl.String,
    "n": pl.Int32,
    "n_sessions": pl.Int32,
    "first_session": pl.Date,
    "last_session": pl.Date,
    "reason": pl.String,
    "as_of": _MOMENT,
    "inputs_known_until": _MOMENT,
}


@dataclass(eq=False)
class AdjustmentRecord:
    """The dated adjustments of a pass, as rows.

    Parameters
    ----------
    scenario_id : str
        Whose predictions they adjust.
    calendar : SessionCalendar
        Gives the cut-offs.
    cutoff_delay_minutes : int
        After the official close: the knowledge cut-off.
    """

    scenario_id: str
    calendar: SessionCalendar
    cutoff_delay_minutes: int
    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(self, learned_from: date, effective_from: date, adjustment: Adjustment) -> dict[str, str]:
        """Note what ``adjustment`` changes from ``effective_from`` on.

        Returns
        -------
        dict of str to str
            adjustment_id by kind; empty where too little had matured to adjust anything.

        Raises
        ------
        ValueError
            If it would take effect at the session that it was learned from, or before.
        """
        if learned_from >= effective_from:
            raise ValueError(
                f"an adjustment learned from {learned_from} cannot take effect at {effective_from}; expected a later session"
            )
        if adjustment.bounds is None:
            return {}
        as_of = self.calendar.cutoff(learned_from, self.cutoff_delay_minutes)
        common = {
            "scenario_id": self.scenario_id,
            "scope": "all",
            "learned_from": learned_from,
            "effective_from": effective_from,
            "n": adjustment.n,
            "n_sessions": adjustment.n_sessions,
            "first_session": adjustment.first_session,
            "last_session": adjustment.last_session,
            "as_of": as_of,
            "inputs_known_until": adjustment.known_until or as_of,
        }
        found = {}
        for kind, (parameters, reason) in _stated(adjustment).items():
            row = common | {"kind": kind, "parameters": json.dumps(parameters, sort_keys=True), "reason": reason}  # fmt: skip
            found[kind] = _identity(row)
            self.rows.append(row | {"adjustment_id": found[kind]})
        return found

    def frame(self) -> pl.DataFrame:
        """Rows of ``calibration_adjustments`` less run_id, by session and kind, each once."""
        frame = pl.DataFrame(self.rows, schema=ADJUSTMENT_SCHEMA, orient="row")
        return frame.unique("adjustment_id", keep="first").sort("effective_from", "kind", "adjustment_id")


def _stated(adjustment: Adjustment) -> dict[str, tuple[dict[str, Any], str]]:
    """Parameters and reason of each kind."""
    bounds, calibration = adjustment.bounds, adjustment.calibration
    assert bounds is not None
    behind = f"{adjustment.n} matured predictions of {adjustment.n_sessions} sessions"
    sure = "too sure" if calibration.temperature > 1.0 else "too unsure"
    side = "too low" if calibration.bias > 0 else "too high"
    found: dict[str, tuple[dict[str, Any], str]] = {
        CALIBRATION: (
            {"temperature": calibration.temperature, "bias": calibration.bias},
            f"over {behind} probabilities were {sure} (temperature {calibration.temperature:.3f}) and {side} "
            f"(bias {calibration.bias:+.3f})",
        ),
        BOUNDS: (
            {"lower_quantile": bounds.lower_quantile, "upper_quantile": bounds.upper_quantile},
            f"the errors of {behind} lay between {bounds.lower_quantile:+.2f} and {bounds.upper_quantile:+.2f} of their "
            "expected size",
        ),
    }
    if adjustment.scale is not None:
        found[WIDTHS] = (_widths(adjustment.scale), _widest(adjustment.scale, behind))
    return found


def _widths(scale: ErrorScale) -> dict[str, Any]:
    """Only tickers with a matured prediction: which others there are depends on the pass."""
    figures = zip(scale.counts.tolist(), scale.log_volatilities.tolist(), scale.widths.tolist(), strict=True)
    return {
        "volatility_weight": scale.config.volatility_weight,
        "ticker_strength": scale.config.ticker_strength,
        "tickers": {
            ticker: list(given) for ticker, given in zip(scale.tickers, figures, strict=True) if given[0]
        },
    }


def _widest(scale: ErrorScale, behind: str) -> str:
    own = np.where(scale.counts > 0, scale.widths, np.nan)
    first, last = int(np.nanargmin(own)), int(np.nanargmax(own))
    return (
        f"over {behind} the errors of {scale.tickers[last]} were {scale.widths[last]:.2f} times as wide as usual, those of "
        f"{scale.tickers[first]} {scale.widths[first]:.2f} times"
    )


def _identity(row: Mapping[str, Any]) -> str:
    """Hash of what the row says, knowledge included, words left out."""
    said = {name: str(value) for name, value in row.items() if name != "reason"}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32]
