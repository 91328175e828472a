"""The steps of gradient descent, and where they stand after a pass: all that is needed to go on with the same bits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nextgen_assets.domain.models import Arrays, CurvePoint

if TYPE_CHECKING:
    import torch

_FIRST_DECAY, _SECOND_DECAY, _EPSILON = 0.9, 0.999, 1e-8


@dataclass(frozen=True)
class Passes:
    """How a network is trained.

    Parameters
    ----------
    epochs, patience, batch_size, learning_rate, weight_decay, gradient_norm_limit
        As in the configuration of the family.
    precision : str
        Of the products; one of ``captured_batches.PRECISIONS``.
    """

    epochs: int
    patience: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    gradient_norm_limit: float
    precision: str = "float32"


@dataclass(eq=False)
class Progress:
    """Where training stands after an epoch: all that is needed to go on with the same bits."""

    epoch: int = 0
    curve: list[CurvePoint] = field(default_factory=list)
    best_loss: float = float("inf")
    best_epoch: int = 0
    best: npt.NDArray[np.float32] | None = None
    moments: npt.NDArray[np.float32] | None = None
    steps: int = 0
    order: npt.NDArray[np.uint8] | None = None
    """State of the generator that shuffles."""

    def arrays(self, weights: npt.NDArray[np.float32]) -> Arrays:
        """As named arrays, with the weights as they are now."""
        points = [(point.epoch, point.training_loss, point.validation_loss) for point in self.curve]
        missing = np.zeros(0, dtype=np.float32)
        return {
            "weights": weights,
            "best": missing if self.best is None else self.best,
            "moments": missing if self.moments is None else self.moments,
            "order": np.zeros(0, dtype=np.uint8) if self.order is None else self.order,
            "curve": np.array(points, dtype=np.float64).reshape(-1, 3),
            "numbers": np.array([self.epoch, self.best_epoch, self.steps], dtype=np.int64),
            "best_loss": np.array([self.best_loss], dtype=np.float64),
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Progress:
        """The progress that :meth:`arrays` wrote down."""
        epoch, best_epoch, steps = (int(number) for number in arrays["numbers"])
        curve = [CurvePoint(int(row[0]), float(row[1]), float(row[2])) for row in arrays["curve"]]
        best = arrays["best"] if arrays["best"].size else None
        return cls(
            epoch,
            curve,
            float(arrays["best_loss"][0]),
            best_epoch,
            best,
            arrays["moments"],
            steps,
            arrays["order"],
        )


class Optimiser:
    """AdamW over one block of weights.

    References
    ----------
    Loshchilov, I. and Hutter, F. (2019). Decoupled weight decay regularization.
    """

    def __init__(self, weights: torch.Tensor, passes: Passes) -> None:
        import torch

        self.weights, self.passes = weights, passes
        self.moments = torch.zeros(2, weights.numel(), device=weights.device)
        self.steps = 0
        self.count = torch.zeros((), dtype=torch.float64, device=weights.device)
        """Steps on a device; a recorded step cannot count in Python."""

    def step(self, gradient: torch.Tensor) -> None:
        """Scale the gradient down to the limit of its norm, then move the weights."""
        self.steps += 1
        rate = self.passes.learning_rate
        mean, square = self._averaged(gradient)
        spread = (square / (1 - _SECOND_DECAY**self.steps)).sqrt_().add_(_EPSILON)
        self.weights.mul_(1 - rate * self.passes.weight_decay)
        self.weights.addcdiv_(mean, spread, value=-rate / (1 - _FIRST_DECAY**self.steps))

    def step_on_device(self, gradient: torch.Tensor) -> None:
        """The same step without a number that has to come from Python."""
        self.count += 1
        rate = self.passes.learning_rate
        mean, square = self._averaged(gradient)
        spread = (square / (1 - _SECOND_DECAY**self.count)).sqrt_().add_(_EPSILON)
        self.weights.mul_(1 - rate * self.passes.weight_decay)
        self.weights.sub_((mean / spread).mul_(rate / (1 - _FIRST_DECAY**self.count)))

    def _averaged(self, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The running mean of the scaled gradient and of its square."""
        gradient *= (self.passes.gradient_norm_limit / (gradient.norm() + 1e-6)).clamp(max=1.0)
        mean, square = self.moments
        mean.lerp_(gradient, 1 - _FIRST_DECAY)
        square.mul_(_SECOND_DECAY).addcmul_(gradient, gradient, value=1 - _SECOND_DECAY)
        return mean, square

    def state(self) -> tuple[torch.Tensor, ...]:
        """What steps change on the device, beside the weights."""
        return self.moments, self.count

    def kept(self) -> tuple[npt.NDArray[np.float32], int]:
        """A copy of the moments, and how many steps were done."""
        return self.moments.cpu().numpy().copy(), self.steps + int(self.count)

    def restore(self, moments: npt.NDArray[np.float32], steps: int) -> None:
        """Go on from what :meth:`kept` gave."""
        import torch

        self.moments.copy_(torch.tensor(moments))
        if self.weights.device.type == "cpu":
            self.steps = steps
        else:
            self.count.fill_(steps)
