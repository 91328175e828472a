"""What a network learns from, on the device where it learns: pooled windows, and what became of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nextgen_assets.domain.models import LabelledWindows
from nextgen_assets.domain.recurrence import Workspace
from nextgen_assets.domain.recurrent_network import Network

if TYPE_CHECKING:
    import torch

Loss = Callable[["torch.Tensor", "torch.Tensor", Network], "torch.Tensor"]
"""Mean loss from what the heads read (batch, width), the targets (batch, 2) and the network."""


@dataclass(eq=False)
class Lessons:
    """Windows and targets on one device.

    Parameters
    ----------
    vectors : Tensor (n_vectors, n_features)
    first : Tensor of int64 (n_windows,)
        Row of the oldest vector of each window.
    steps : Tensor of int64 (lookback, 1)
        0, 1, … : added to ``first``.
    targets : Tensor (n_windows, 2)
        Went up, standardised return.
    """

    vectors: torch.Tensor
    first: torch.Tensor
    steps: torch.Tensor
    targets: torch.Tensor

    @classmethod
    def of(cls, part: LabelledWindows, device: str) -> Lessons:
        """The windows of a part; nothing is copied per window."""
        import torch

        targets = np.stack([part.went_up, part.standardised_return], axis=1).astype(np.float32)
        pooled = part.pooled
        steps = torch.arange(pooled.lookback)[:, None]
        return cls(
            torch.tensor(pooled.vectors, device=device),
            torch.tensor(pooled.first, device=device),
            steps.to(device),
            torch.tensor(targets, device=device),
        )

    def __len__(self) -> int:
        return len(self.first)

    @property
    def device(self) -> str:
        """Type of the device: 'cpu' or 'cuda'."""
        return self.first.device.type

    def inputs(self, rows: torch.Tensor, workspace: Workspace) -> torch.Tensor:
        """Windows at ``rows``, (lookback, n_rows, n_features)."""
        import torch

        index = (self.first[rows] + self.steps).view(-1)
        shape = (len(self.steps), len(rows), self.vectors.shape[1])
        if self.device != "cpu":
            return self.vectors.index_select(0, index).view(shape)
        gathered = workspace.take("inputs", *shape)
        torch.index_select(self.vectors, 0, index, out=gathered.view(-1, shape[2]))
        return gathered
