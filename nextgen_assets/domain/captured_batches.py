"""Passes over batches on a GPU: a whole step of descent is recorded once and replayed for every batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nextgen_assets.domain.gradient_descent import Optimiser
from nextgen_assets.domain.lessons import Lessons, Loss
from nextgen_assets.domain.recurrence import Workspace
from nextgen_assets.domain.recurrent_network import Network

if TYPE_CHECKING:
    import torch

PRECISIONS = ("float32", "tensorfloat32", "bfloat16")
"""Of the products; a CPU computes in float32, or in bfloat16 where its cores multiply in it."""
_VALIDATION_ROWS = 8192
_WARM_UPS = 3


@contextmanager
def layers_on_tensor_cores(allowed: bool) -> Iterator[None]:
    """Whether cuDNN may take the products of float32 layers through tensor cores, with 11 bits instead of 24.

    Notes
    -----
    It does unless it is told not to.
    """
    import torch

    layers: Any = torch.backends.cudnn.rnn
    before = layers.fp32_precision
    layers.fp32_precision = "tf32" if allowed else "ieee"
    try:
        yield
    finally:
        layers.fp32_precision = before


@dataclass(eq=False)
class CapturedBatches:
    """One network and what it learns from, on a GPU.

    Parameters
    ----------
    precision : str
        Of ``PRECISIONS``: all 24 bits of a float32 in the products of the layers, 11, or bfloat16 with 8. Heads,
        losses and steps are float32.
    records : bool
        Record the step; otherwise each of its kernels is launched anew, which gives the same values.

    Notes
    -----
    A step of a small network is hundreds of kernels of microseconds; launching them from Python takes longer
    than running them. Nothing waits for the device within a pass: losses are added up there. The last batch of
    a pass has fewer windows and is launched kernel by kernel.

    References
    ----------
    CUDA C++ Programming Guide, CUDA graphs; PyTorch, CUDA semantics, whole-network capture.
    """

    network: Network
    fit: Lessons
    validation: Lessons
    loss: Loss
    optimiser: Optimiser
    precision: str = "float32"
    records: bool = True
    total: torch.Tensor = field(init=False)
    """Sum of the losses of the windows since the pass began."""
    recorded: tuple[Any, torch.Tensor] | None = field(init=False, default=None)
    """The step as a graph, and the rows that it reads."""

    def __post_init__(self) -> None:
        self.total = self.network.flat.new_zeros(())

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Inside, the layers compute in the precision that was asked for."""
        with layers_on_tensor_cores(self.precision != "float32"):
            yield

    def pass_over(self, order: torch.Tensor, batch_size: int) -> float:
        """One step of descent per batch of the windows in ``order``; the mean loss on the way."""
        import torch

        size = min(batch_size, len(order))
        batches = torch.split(order.to(self.fit.first.device), size)
        self.total.zero_()
        if self.records and (self.recorded is None or len(self.recorded[1]) != size):
            self.recorded = self._record(batches[0])
        for rows in batches:
            if self.recorded is None or len(rows) != size:
                self._step(rows)
                continue
            graph, place = self.recorded
            place.copy_(rows)
            graph.replay()
        return float(self.total) / len(order)

    def validation_loss(self) -> float:
        """Mean loss of the validation windows."""
        import torch

        total = self.network.flat.new_zeros(())
        with torch.no_grad():
            rows = torch.arange(len(self.validation), device=self.fit.first.device)
            for part in torch.split(rows, _VALIDATION_ROWS):
                total += self._mean_loss(self.validation, part) * len(part)
        return float(total) / len(self.validation)

    def _step(self, rows: torch.Tensor) -> None:
        self.network.flat_gradient.zero_()
        loss = self._mean_loss(self.fit, rows)
        loss.backward()  # type: ignore[no-untyped-call]
        self.total += loss.detach() * len(rows)
        self.optimiser.step_on_device(self.network.flat_gradient)

    def states(self, lessons: Lessons, rows: torch.Tensor) -> torch.Tensor:
        """What the heads read of the windows at ``rows``, (n_rows, width), float32."""
        import torch

        workspace, is_mixed = Workspace(), self.precision == "bfloat16"
        with torch.autocast(lessons.device, dtype=torch.bfloat16, enabled=is_mixed):
            return self.network.states(lessons.inputs(rows, workspace), workspace).float()

    def _mean_loss(self, lessons: Lessons, rows: torch.Tensor) -> torch.Tensor:
        return self.loss(self.states(lessons, rows), lessons.targets[rows], self.network)

    def _record(self, rows: torch.Tensor) -> tuple[Any, torch.Tensor]:
        """The graph of a step; weights, moments and sums are put back as they were before the trial steps."""
        import torch

        place, changed = rows.clone(), (self.network.flat, self.total, *self.optimiser.state())
        before = [tensor.clone() for tensor in changed]
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UPS):
                self._step(place)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            self._step(place)
        for tensor, kept in zip(changed, before, strict=True):
            tensor.copy_(kept)
        return graph, place
