"""Where a ticker stands among those of its sector, and what the sector did beside the market.

The sector is the one that the listing of the ticker had stated by the session. Without one, or with nobody else of
it on the session, there is no value: a ticker is not compared with itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from nextgen_assets.domain.features import Feature, returns
from nextgen_assets.domain.features.cross_section import session_mean, session_rank
from nextgen_assets.domain.grid import Index, Values
from nextgen_assets.domain.prices import Panel

_INDUSTRIES = "Moskowitz and Grinblatt (1999), Do Industries Explain Momentum? J. Finance 54(4)."
_REVERSAL = (
    "Da, Liu and Schaumburg (2014), A Closer Look at the Short-Term Return Reversal, Management Sci. 60(3)."
)
_FEWEST = 2
_OfSector = Callable[[Values, Values], Values]


def _groups(values: Values, sector: Values) -> Iterator[tuple[int, Index]]:
    """Row and columns of each sector of each session that has values of at least two tickers."""
    for row in range(len(values)):
        known = np.flatnonzero(~np.isnan(values[row]) & ~np.isnan(sector[row]))
        order = known[np.argsort(sector[row, known], kind="stable")]
        bounds = np.flatnonzero(np.diff(sector[row, order])) + 1
        for columns in np.split(order, bounds):
            if columns.size >= _FEWEST:
                yield row, columns


def sector_mean(values: Values, sector: Values) -> Values:
    """Mean over the tickers of the same sector that have a value, the ticker included, (n_sessions, n_tickers).

    Summed without rounding; NaN where the ticker has no value, no sector, or no other of its sector has one.
    """
    means = np.full(values.shape, np.nan)
    for row, columns in _groups(values, sector):
        means[row, columns] = math.fsum(values[row, columns].tolist()) / columns.size
    return means


def sector_rank(values: Values, sector: Values) -> Values:
    """Share of the others of the sector below, ties counted half: 0 lowest, 1 highest; NaN as in :func:`sector_mean`."""
    ranks = np.full(values.shape, np.nan)
    for row, columns in _groups(values, sector):
        ranks[row, columns] = session_rank(values[row, columns][np.newaxis])[0]
    return ranks


def _over_sector(values: Values, sector: Values) -> Values:
    return np.asarray(values - sector_mean(values, sector))


def _over_market(values: Values, sector: Values) -> Values:
    return np.asarray(sector_mean(values, sector) - session_mean(values))


def _feature(name: str, base: Feature, description: str, reference: str, of_sector: _OfSector) -> Feature:
    def compute(panel: Panel) -> Values:
        return of_sector(base.compute(panel), panel.fields["sector"])

    return Feature(
        name=name,
        inputs=(*base.inputs, "sector"),
        lookback_sessions=base.lookback_sessions,
        null_policy="null_if_any_missing",
        description=description,
        reference=reference,
        compute=compute,
        family="sector",
        scope="market",
    )


def _relatives(base: Feature) -> tuple[Feature, ...]:
    name = base.name
    return (
        _feature(
            f"{name}_over_sector", base, f"{name} minus its mean over the sector.", _REVERSAL, _over_sector
        ),
        _feature(f"sector_{name}", base, f"Mean of {name} over the sector.", _INDUSTRIES, sector_mean),
    )


_MONTH = next(base for base in returns.FEATURES if base.name == "return_20")
FEATURES = (
    *(feature for base in returns.FEATURES for feature in _relatives(base)),
    _feature("rank_return_20_in_sector", _MONTH, "Rank of return_20 within the sector, 0 to 1.", _INDUSTRIES, sector_rank),
    _feature("sector_return_20_over_market", _MONTH,
        "Mean of return_20 over the sector minus that over all tickers of the session.", _INDUSTRIES, _over_market),
)  # fmt: skip
