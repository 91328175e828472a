"""Passes of gradient descent over pooled windows: batches gathered by index, early stopping, checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from nextgen_assets.domain.gradient_descent import Optimiser, Passes, Progress
from nextgen_assets.domain.models import Arrays, CurvePoint, LabelledWindows
from nextgen_assets.domain.recurrence import Workspace
from nextgen_assets.domain.recurrent_network import Network, one_thread

if TYPE_CHECKING:
    import torch

_HALF_FROM = 64
"""Batches of at least twice as many windows are computed in two halves, whatever the number of threads."""

_threads: ContextVar[int] = ContextVar("training threads", default=1)


@contextmanager
def training_threads(count: int) -> Iterator[None]:
    """Let networks that are trained inside compute on up to ``count`` threads; changes no bit of them."""
    token = _threads.set(count)
    try:
        yield
    finally:
        _threads.reset(token)


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

    def inputs(self, rows: torch.Tensor, workspace: Workspace) -> torch.Tensor:
        """Windows at ``rows``, (lookback, n_rows, n_features)."""
        import torch

        index = (self.first[rows] + self.steps).view(-1)
        shape = (len(self.steps), len(rows), self.vectors.shape[1])
        if self.vectors.device.type != "cpu":
            return self.vectors[index].view(shape)
        gathered = workspace.take("inputs", *shape)
        torch.index_select(self.vectors, 0, index, out=gathered.view(-1, shape[2]))
        return gathered


@dataclass(eq=False)
class Trainer:
    """One network and what it learns from."""

    network: Network
    fit: Lessons
    validation: Lessons
    loss: Loss
    passes: Passes
    generator: torch.Generator
    halves: list[tuple[Network, Workspace]] = field(init=False)

    def __post_init__(self) -> None:
        replica = Network.over(self.network.shape, self.network.flat)
        self.halves = [(self.network, Workspace()), (replica, Workspace())]

    def run(self, progress: Progress, keep: Callable[[Arrays], None]) -> Progress:
        """Train until the passes are over or validation has stopped improving.

        Parameters
        ----------
        progress : Progress
            Fresh, or of an earlier run of the same training that was cut off.
        keep : callable
            Gets the progress after every epoch.
        """
        import torch

        optimiser = Optimiser(self.network.flat, self.passes)
        if progress.moments is not None and progress.moments.size:
            optimiser.moments.copy_(torch.tensor(progress.moments))
            optimiser.steps = progress.steps
        if progress.order is not None and progress.order.size:
            self.generator.set_state(torch.tensor(progress.order))
        with one_thread(), ThreadPoolExecutor(1, initializer=_single_threaded) as beside:
            while progress.epoch < self.passes.epochs and self._has_patience(progress):
                self._epoch(progress, optimiser, beside if _threads.get() > 1 else None)
                progress.moments = optimiser.moments.cpu().numpy().copy()
                progress.steps = optimiser.steps
                progress.order = self.generator.get_state().numpy().copy()
                keep(progress.arrays(self.network.flat.cpu().numpy().copy()))
        return progress

    def started(self) -> Progress:
        """Progress before the first pass in which the weights as they are may turn out the best."""
        loss = self._validation_loss()
        return Progress(best_loss=loss, best=self.network.flat.cpu().numpy().copy())

    def resumed(self, arrays: Arrays) -> Progress:
        """The progress that was kept, with its weights put in place."""
        import torch

        self.network.flat.copy_(torch.tensor(arrays["weights"]))
        return Progress.from_arrays(arrays)

    def _has_patience(self, progress: Progress) -> bool:
        return progress.epoch - progress.best_epoch < self.passes.patience

    def _epoch(self, progress: Progress, optimiser: Optimiser, beside: ThreadPoolExecutor | None) -> None:
        import torch

        total = 0.0
        for rows in torch.split(
            torch.randperm(len(self.fit), generator=self.generator), self.passes.batch_size
        ):
            total += self._batch(rows, beside) * len(rows)
            optimiser.step(self.network.flat_gradient)
        validation_loss = self._validation_loss()
        progress.epoch += 1
        progress.curve.append(CurvePoint(progress.epoch, total / len(self.fit), validation_loss))
        if validation_loss < progress.best_loss:
            progress.best_loss, progress.best_epoch = validation_loss, progress.epoch
            progress.best = self.network.flat.cpu().numpy().copy()

    def _batch(self, rows: torch.Tensor, beside: ThreadPoolExecutor | None) -> float:
        """Gradients of one batch in ``network.flat_gradient``; its mean loss."""
        if len(rows) < 2 * _HALF_FROM:
            return self._gradients(0, rows, 1.0)
        middle = len(rows) // 2
        parts = [(rows[:middle], middle / len(rows)), (rows[middle:], 1 - middle / len(rows))]
        if beside is None:
            losses = [self._gradients(half, part, share) for half, (part, share) in enumerate(parts)]
        else:
            second = beside.submit(self._gradients, 1, *parts[1])
            losses = [self._gradients(0, *parts[0]), second.result()]
        self.network.flat_gradient.add_(self.halves[1][0].flat_gradient)
        return losses[0] + losses[1]

    def _gradients(self, half: int, rows: torch.Tensor, share: float) -> float:
        network, workspace = self.halves[half]
        network.flat_gradient.zero_()
        loss = self._mean_loss(network, self.fit, rows.to(self.fit.first.device), workspace) * share
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    def _mean_loss(
        self, network: Network, lessons: Lessons, rows: torch.Tensor, workspace: Workspace
    ) -> torch.Tensor:
        import torch

        device = lessons.first.device.type
        is_mixed = self.passes.mixed_precision and device != "cpu"
        with torch.autocast(device, dtype=torch.bfloat16, enabled=is_mixed):
            states = network.states(lessons.inputs(rows, workspace), workspace)
        return self.loss(states.float(), lessons.targets[rows], network)

    def _validation_loss(self) -> float:
        import torch

        rows, total = torch.arange(len(self.validation), device=self.validation.first.device), 0.0
        with torch.no_grad():
            for part in torch.split(rows, 512):
                total += float(self._mean_loss(*self._first(), part, self.halves[0][1])) * len(part)
        return total / len(rows)

    def _first(self) -> tuple[Network, Lessons]:
        return self.network, self.validation


def _single_threaded() -> None:
    import torch

    torch.set_num_threads(1)
