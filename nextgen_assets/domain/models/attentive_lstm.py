"""An LSTM that weighs the states of all steps by temporal attention, over mapped inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from nextgen_assets.domain.models import LabelledWindows, ModelInputError
from nextgen_assets.domain.recurrent_config import RecurrentConfig, recurrent_config
from nextgen_assets.domain.recurrent_family import FittedRecurrent, fit_network, read_network, refine_network


@dataclass(frozen=True)
class AttentiveLstmConfig(RecurrentConfig):
    """Size and training of the network; see :class:`RecurrentConfig`.

    Parameters
    ----------
    attention_size : int
        Width of the map of the inputs and of the attention.
    """

    attention_size: int = 16

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.attention_size < 1:
            raise ModelInputError(f"{self}: attention_size starts at 1")


class AttentiveLstmFamily:
    """The losses of the lstm family; the heads read the attended sum of the states beside the last one.

    References
    ----------
    Feng, F. et al. (2019). Enhancing stock movement prediction with adversarial training. IJCAI (its ALSTM).
    """

    name = "attentive_lstm"
    selects_on_validation = True

    def config_from(self, values: Mapping[str, object]) -> AttentiveLstmConfig:
        """The configuration; unknown keys are refused."""
        return recurrent_config(self.name, AttentiveLstmConfig, values)

    def fit(
        self, fit: LabelledWindows, validation: LabelledWindows, config: AttentiveLstmConfig, seed: int
    ) -> FittedRecurrent:
        """Train from scratch; the validation part decides only when to stop."""
        return fit_network(self.name, fit, validation, config, seed, config.attention_size)

    def refine(
        self,
        start: Mapping[str, npt.NDArray[Any]],
        fit: LabelledWindows,
        validation: LabelledWindows,
        config: AttentiveLstmConfig,
        seed: int,
    ) -> FittedRecurrent:
        """Go on from earlier weights with smaller steps; they are kept where no pass validates better."""
        return refine_network(self.name, start, fit, validation, config, seed)

    def from_arrays(
        self, arrays: Mapping[str, npt.NDArray[Any]], config: AttentiveLstmConfig
    ) -> FittedRecurrent:
        """The network that the arrays describe."""
        return read_network(self.name, arrays, config)


MODEL = AttentiveLstmFamily()
