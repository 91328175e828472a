"""How the movement benchmark is split by target day, and what others reported on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from nextgen_assets.domain.grid import day_numbers


@dataclass(frozen=True)
class Published:
    """A result that others reported: accuracy in percent, Matthews correlation, and where."""

    model: str
    accuracy: float
    mcc: float
    source: str


_FENG = "Feng et al. (2019), IJCAI"
_DTML = "Yoo et al. (2021), KDD"


@dataclass(frozen=True)
class MovementProtocol:
    """Which target days are for fitting, for validation and for the test, and the published results.

    Parameters
    ----------
    first, validation, test, stop : date
        Target days: fit is ``first <= day < validation``, and so on; ``stop`` is excluded.
    published : tuple of Published
        In the order they are printed.
    """

    first: date
    validation: date
    test: date
    stop: date
    published: tuple[Published, ...]

    def part_of(self, days: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        """0 for fit, 1 for validation, 2 for test, -1 for none, by target day (days since 1970)."""
        edges = day_numbers([self.first, self.validation, self.test, self.stop])
        part = np.searchsorted(edges, days, side="right").astype(np.int64) - 1
        return np.where(part == len(edges) - 1, -1, part)


PROTOCOLS: Mapping[str, MovementProtocol] = MappingProxyType(
    {
        "kdd17": MovementProtocol(
            date(2007, 1, 1), date(2015, 1, 1), date(2016, 1, 1), date(2017, 1, 1),
            (
                Published("MOM", 49.75, -0.0129, _FENG),
                Published("MR", 48.46, -0.0366, _FENG),
                Published("LSTM", 51.62, 0.0183, _FENG),
                Published("ALSTM", 51.94, 0.0261, _FENG),
                Published("StockNet", 51.93, 0.0335, _FENG),
                Published("Adv-ALSTM", 53.05, 0.0523, _FENG),
                Published("DTML", 53.53, 0.0733, _DTML),
            ),
        ),
        "acl18": MovementProtocol(
            date(2014, 1, 1), date(2015, 8, 1), date(2015, 10, 1), date(2016, 1, 1),
            (
                Published("MOM", 47.01, -0.0640, _FENG),
                Published("MR", 46.21, -0.0782, _FENG),
                Published("LSTM", 53.18, 0.0674, _FENG),
                Published("ALSTM", 54.90, 0.1043, _FENG),
                Published("StockNet", 54.96, 0.0165, _FENG),
                Published("Adv-ALSTM", 57.20, 0.1483, _FENG),
                Published("DTML", 57.44, 0.1910, _DTML),
            ),
        ),
    }
)  # fmt: skip
