"""Passes of gradient descent over pooled windows: early stopping, checkpoints, and where the batches are computed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from nextgen_assets.domain.captured_batches import CapturedBatches
from nextgen_assets.domain.gradient_descent import Optimiser, Passes, Progress
from nextgen_assets.domain.halved_batches import HalvedBatches, precision_on_cpu
from nextgen_assets.domain.lessons import Lessons, Loss
from nextgen_assets.domain.models import Arrays, CurvePoint
from nextgen_assets.domain.recurrent_network import Network

if TYPE_CHECKING:
    import torch


class Batches(Protocol):
    """How a device takes a network through its windows."""

    def at_work(self) -> AbstractContextManager[None]:
        """What has to hold around passes and losses."""
        ...

    def pass_over(self, order: torch.Tensor, batch_size: int) -> float:
        """One step of descent per batch of the windows in ``order``; the mean loss on the way."""
        ...

    def validation_loss(self) -> float:
        """Mean loss of the validation windows."""
        ...


@dataclass(eq=False)
class Trainer:
    """One network and what it learns from."""

    network: Network
    fit: Lessons
    validation: Lessons
    loss: Loss
    passes: Passes
    generator: torch.Generator
    optimiser: Optimiser = field(init=False)
    batches: Batches = field(init=False)

    def __post_init__(self) -> None:
        self.optimiser = Optimiser(self.network.flat, self.passes)
        own = (self.network, self.fit, self.validation, self.loss, self.optimiser)
        wanted = self.passes.precision
        if self.fit.device == "cpu":
            self.batches = HalvedBatches(*own, precision_on_cpu(wanted))
        else:
            self.batches = CapturedBatches(*own, wanted)

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

        if progress.moments is not None and progress.moments.size:
            self.optimiser.restore(progress.moments, progress.steps)
        if progress.order is not None and progress.order.size:
            self.generator.set_state(torch.tensor(progress.order))
        with self.batches.at_work():
            while progress.epoch < self.passes.epochs and self._has_patience(progress):
                self._epoch(progress)
                progress.moments, progress.steps = self.optimiser.kept()
                progress.order = self.generator.get_state().numpy().copy()
                keep(progress.arrays(self.network.flat.cpu().numpy().copy()))
        return progress

    def started(self) -> Progress:
        """Progress before the first pass in which the weights as they are may turn out the best."""
        with self.batches.at_work():
            loss = self.batches.validation_loss()
        return Progress(best_loss=loss, best=self.network.flat.cpu().numpy().copy())

    def resumed(self, arrays: Arrays) -> Progress:
        """The progress that was kept, with its weights put in place."""
        import torch

        self.network.flat.copy_(torch.tensor(arrays["weights"]))
        return Progress.from_arrays(arrays)

    def _has_patience(self, progress: Progress) -> bool:
        return progress.epoch - progress.best_epoch < self.passes.patience

    def _epoch(self, progress: Progress) -> None:
        import torch

        order = torch.randperm(len(self.fit), generator=self.generator)
        training_loss = self.batches.pass_over(order, self.passes.batch_size)
        validation_loss = self.batches.validation_loss()
        progress.epoch += 1
        progress.curve.append(CurvePoint(progress.epoch, training_loss, validation_loss))
        if validation_loss < progress.best_loss:
            progress.best_loss, progress.best_epoch = validation_loss, progress.epoch
            progress.best = self.network.flat.cpu().numpy().copy()
