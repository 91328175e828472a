"""Features that a compiled kernel computes together, over groups of tickers, in threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextgen_assets.domain.grid import Values
from nextgen_assets.domain.prices import Panel

_BARS = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True)
class Kernel:
    """Compiled code and the features that it gives.

    Parameters
    ----------
    names : tuple of str
        In the order of the numbers that the kernel gives them.
    fields : tuple of str
        Fields of the panel that it takes after the bars.
    load : callable
        Imports it: the function ``(bars, *fields, first, start, lanes, chosen, columns, out)``, and how many
        tickers it takes at once.
    """

    names: tuple[str, ...]
    fields: tuple[str, ...]
    load: Callable[[], tuple[Callable[..., None], int]]


@dataclass(frozen=True)
class KernelBlock:
    """Features of one or more kernels; see :class:`nextgen_assets.domain.features.Block`."""

    kernels: tuple[Kernel, ...]

    def fill(
        self,
        panel: Panel,
        names: Sequence[str],
        columns: Sequence[int],
        out: NDArray[np.floating],
        first: int,
    ) -> None:
        """Write the features ``names`` into ``out[:, :, columns]``, rows ``first`` and later of the panel.

        Notes
        -----
        Each ticker of each session is computed by itself, so the number of threads changes no bit. Kernels
        divide by positive prices and guarded sums only: no value is infinite.
        """
        bars = np.stack([panel.fields[name] for name in _BARS])
        place = dict(zip(names, columns, strict=True))
        tasks = []
        for kernel in self.kernels:
            numbers = [number for number, name in enumerate(kernel.names) if name in place]
            if not numbers:
                continue
            rows, lanes = kernel.load()
            chosen = np.array(numbers, dtype=np.uint64)
            target = np.array([place[kernel.names[number]] for number in numbers], dtype=np.uint64)
            fields = [np.ascontiguousarray(panel.fields[name]) for name in kernel.fields]
            for start in range(0, len(panel.tickers), lanes):
                width = np.uint64(min(lanes, len(panel.tickers) - start))
                tasks.append((rows, (bars, *fields, first, start, width, chosen, target, out)))
        if tasks:
            from nextgen_assets.domain.compilation import in_threads

            in_threads(tasks)

    def alone(self, name: str) -> Callable[[Panel], Values]:
        """The computation of one feature by itself, (n_sessions, n_tickers) float64."""

        def compute(panel: Panel) -> Values:
            values = np.empty((len(panel.sessions), len(panel.tickers), 1))
            self.fill(panel, [name], [0], values, 0)
            return values[:, :, 0]

        return compute
