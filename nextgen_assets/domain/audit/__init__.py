"""The audit: faults of a series that its own bars, actions and adjusted close betray.

Ingestion judges a bar by what came before it. Some faults show only later (a bad print, when the next bar
is back) or in the agreement of several columns (a dividend of which the adjusted close knows nothing). The
audit finds these and edits nothing. Every finding says from which session on it could be seen.
"""

from __future__ import annotations

from typing import Literal

import polars as pl

from nextgen_assets.domain.audit import dividends, prices, splits
from nextgen_assets.domain.audit.moves import Basis, finding_schema, with_moves

CONTEXT_SESSIONS = 660
"""Sessions before the first that are needed for its findings: those that say what is usual."""

FAULTS = {
    "dividend_not_adjusted": "a stated dividend of which the adjusted close knows nothing",
    "dividend_missing": "a step of the adjusted close without a stated dividend or split",
    "dividend_wrong_scale": "a dividend about 100 times too large or too small",
    "dividend_misadjusted": "a dividend that the adjusted close contains in another size",
    "dividend_doubled": "the same dividend twice within days: one is a phantom",
    "capital_gain_double_counted": "a capital gain taken off once in the dividend and once by itself",
    "split_badly_applied": "bars near a split that were adjusted for it and their neighbours not, or twice",
    "split_contradicts_prices": "a stated split that the price did not follow",
    "split_missing": "a price that moves like a split of which nothing is stated",
    "unit_switch": "a close about 100 times away from the one before",
    "price_100x": "one price of a bar about 100 times away from the others",
    "bad_print": "a price far out that is back at once",
    "stale_run": "the same bar repeated without volume",
}
"""What the audit can find, in words."""


def audit(
    bars: pl.DataFrame,
    *,
    are_split_adjusted: bool = False,
    dividend_basis: Basis = "previous_close",
    orientation: Literal["daily", "other"] = "daily",
) -> pl.DataFrame:
    """Faults of a range of bars.

    Parameters
    ----------
    bars : polars.DataFrame
        ticker, session_date (Date, or Datetime for other bars), open, high, low, close, volume,
        adjusted_close, dividend (per share, 0 for none), split_ratio (0 or 1 for none) and capital_gain;
        numbers may be null. One row per ticker and session. Rows without a positive close are passed over.
    are_split_adjusted : bool
        Whether the prices are already divided by later splits, as Yahoo serves them.
    dividend_basis : {'previous_close', 'ex_close'}
        How the adjusted close contains a dividend.
    orientation : {'daily', 'other'}
        With ``other`` (weeks, minutes) a dividend may reach the adjusted close one bar late.

    Returns
    -------
    polars.DataFrame
        ticker, session_date, fault (of ``FAULTS``), evidence (text), visible_from (the session whose bar
        completes the evidence), sorted by ticker, session_date, fault; one row for each of these.

    Notes
    -----
    A finding uses bars up to ``visible_from`` only, so cutting off the later ones takes away exactly the
    findings that were visible later. Large moves are no fault: a fall of 61% and a rise of 102% happened.
    """
    moves = with_moves(bars, are_split_adjusted=are_split_adjusted, basis=dividend_basis)
    found = [
        *dividends.find(moves, may_be_late=orientation == "other"),
        *splits.find(moves, are_split_adjusted=are_split_adjusted),
        *prices.find(moves),
    ]
    findings = pl.concat([pl.DataFrame(schema=finding_schema(moves)), *found])
    return findings.sort("ticker", "session_date", "fault", "visible_from").unique(
        ["ticker", "session_date", "fault"], keep="first", maintain_order=True
    )
