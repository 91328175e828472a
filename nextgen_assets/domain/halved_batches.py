"""Passes over batches on a CPU: each batch in two halves in a fixed order, on one thread or on two."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nextgen_assets.domain.gradient_descent import Optimiser
from nextgen_assets.domain.lessons import Lessons, Loss
from nextgen_assets.domain.recurrence import Workspace
from nextgen_assets.domain.recurrent_network import Network, one_thread
from nextgen_assets.domain.training_account import spent_on

if TYPE_CHECKING:
    import torch

_HALF_FROM = 64
"""Batches of at least twice as many windows are computed in two halves, whatever the number of threads."""
_VALIDATION_ROWS = 512

_threads: ContextVar[int] = ContextVar("training threads", default=1)


@contextmanager
def training_threads(count: int) -> Iterator[None]:
    """Let networks that are trained inside compute on up to ``count`` threads; changes no bit of them."""
    token = _threads.set(count)
    try:
        yield
    finally:
        _threads.reset(token)


@dataclass(eq=False)
class HalvedBatches:
    """One network and what it learns from, on a CPU.

    Parameters
    ----------
    precision : str
        Of ``PRECISIONS``. Only "bfloat16" changes anything here: the layers are then torch's in that type. Heads,
        losses and steps are float32.
    """

    network: Network
    fit: Lessons
    validation: Lessons
    loss: Loss
    optimiser: Optimiser
    precision: str = "float32"
    halves: list[tuple[Network, Workspace]] = field(init=False)
    beside: ThreadPoolExecutor | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        replica = Network.over(self.network.shape, self.network.flat)
        self.halves = [(self.network, Workspace()), (replica, Workspace())]

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Inside, products take one thread each and the second half of a batch may have its own."""
        with one_thread(), ThreadPoolExecutor(1, initializer=_single_threaded) as beside:
            self.beside = beside if _threads.get() > 1 else None
            try:
                yield
            finally:
                self.beside = None

    def pass_over(self, order: torch.Tensor, batch_size: int) -> float:
        """One step of descent per batch of the windows in ``order``; the mean loss on the way."""
        import torch

        total = 0.0
        for rows in torch.split(order, batch_size):
            total += self._batch(rows) * len(rows)
            with spent_on("optimiser"):
                self.optimiser.step(self.network.flat_gradient)
        return total / len(order)

    def validation_loss(self) -> float:
        """Mean loss of the validation windows."""
        import torch

        rows, total = torch.arange(len(self.validation)), 0.0
        network, workspace = self.halves[0]
        with torch.no_grad(), spent_on("validation"):
            for part in torch.split(rows, _VALIDATION_ROWS):
                total += float(self._mean_loss(network, self.validation, part, workspace)) * len(part)
        return total / len(rows)

    def _batch(self, rows: torch.Tensor) -> float:
        """Gradients of one batch in ``network.flat_gradient``; its mean loss."""
        if len(rows) < 2 * _HALF_FROM:
            return self._gradients(0, rows, 1.0)
        middle = len(rows) // 2
        parts = [(rows[:middle], middle / len(rows)), (rows[middle:], 1 - middle / len(rows))]
        if self.beside is None:
            losses = [self._gradients(half, part, share) for half, (part, share) in enumerate(parts)]
        else:
            second = self.beside.submit(self._gradients, 1, *parts[1])
            losses = [self._gradients(0, *parts[0]), second.result()]
        self.network.flat_gradient.add_(self.halves[1][0].flat_gradient)
        return losses[0] + losses[1]

    def _gradients(self, half: int, rows: torch.Tensor, share: float) -> float:
        network, workspace = self.halves[half]
        network.flat_gradient.zero_()
        loss = self._mean_loss(network, self.fit, rows, workspace) * share
        with spent_on("backward"):
            loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    def _mean_loss(
        self, network: Network, lessons: Lessons, rows: torch.Tensor, workspace: Workspace
    ) -> torch.Tensor:
        import torch

        with spent_on("gather"):
            inputs = lessons.inputs(rows, workspace)
        with spent_on("forward"):
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.precision == "bfloat16"):
                states = network.states(inputs, workspace)
            return self.loss(states.float(), lessons.targets[rows], network)


def precision_on_cpu(wanted: str) -> str:
    """The precision that a CPU computes in: bfloat16 where its cores multiply in it, else float32."""
    import torch

    has_units = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bfloat16" if wanted == "bfloat16" and has_units else "float32"


def _single_threaded() -> None:
    import torch

    torch.set_num_threads(1)
