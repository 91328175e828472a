"""A recurrent network over the window: heads for the direction, the standardised mean and its quantiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from nextgen_assets.domain.models import LabelledWindows
from nextgen_assets.domain.recurrent_config import RecurrentConfig, recurrent_config
from nextgen_assets.domain.recurrent_family import FittedRecurrent, fit_network, read_network, refine_network


@dataclass(frozen=True)
class LstmConfig(RecurrentConfig):
    """Size and training of the network; see :class:`RecurrentConfig`."""


class LstmFamily:
    """Cross-entropy of the direction, Huber loss of the standardised return, pinball loss of its quantiles.

    References
    ----------
    Hochreiter, S. and Schmidhuber, J. (1997). Long short-term memory.
    Fischer, T. and Krauss, C. (2018). Deep learning with long short-term memory networks for financial
    market predictions.
    Koenker, R. and Bassett, G. (1978). Regression quantiles.
    """

    name = "lstm"
    selects_on_validation = True

    def config_from(self, values: Mapping[str, object]) -> LstmConfig:
        """The configuration; unknown keys are refused."""
        return recurrent_config(self.name, LstmConfig, values)

    def fit(
        self, fit: LabelledWindows, validation: LabelledWindows, config: LstmConfig, seed: int
    ) -> FittedRecurrent:
        """Train from scratch; the validation part decides only when to stop."""
        return fit_network(self.name, fit, validation, config, seed)

    def refine(
        self,
        start: Mapping[str, npt.NDArray[Any]],
        fit: LabelledWindows,
        validation: LabelledWindows,
        config: LstmConfig,
        seed: int,
    ) -> FittedRecurrent:
        """Go on from earlier weights with smaller steps; they are kept where no pass validates better."""
        return refine_network(self.name, start, fit, validation, config, seed)

    def from_arrays(self, arrays: Mapping[str, npt.NDArray[Any]], config: LstmConfig) -> FittedRecurrent:
        """The network that the arrays describe."""
        return read_network(self.name, arrays, config)


MODEL = LstmFamily()
