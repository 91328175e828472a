"""Model families: one module each, exporting ``MODEL``; found by name and switched on in settings.

A family learns two things about the return of the next sessions: the probability that it is positive, and
its mean in units of its own forecast volatility. Families see scaled windows and know nothing of tickers,
dates or files.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
import numpy.typing as npt

from nextgen_assets.domain.pooled_windows import PooledWindows
from nextgen_assets.domain.scaling import refuse_non_finite

Arrays = dict[str, npt.NDArray[Any]]
ConfigType = TypeVar("ConfigType")
STANDARDISED_RETURN_LIMIT = 4.0
"""Standardised returns beyond this are one event, not a larger lesson; targets of the mean are clipped."""


class UnknownModelError(ValueError):
    """No model family has that name, or its module does not keep the contract."""


class ModelInputError(ValueError):
    """Windows, targets or a configuration that a family cannot take."""


@dataclass(frozen=True)
class LabelledWindows:
    """Scaled windows with what happened after them.

    Parameters
    ----------
    windows : ndarray of float32, shape (n_windows, lookback, n_features), or PooledWindows
        Scaled, finite.
    forward_return : ndarray of float64, shape (n_windows,)
        Log total return over the horizon.
    volatility : ndarray of float64, shape (n_windows,)
        Forecast standard deviation of that return, positive.
    session_index : ndarray of int64, shape (n_windows,)
        Calendar position of each window's session, ascending.
    """

    windows: npt.NDArray[np.float32] | PooledWindows
    forward_return: npt.NDArray[np.float64]
    volatility: npt.NDArray[np.float64]
    session_index: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        if isinstance(self.windows, PooledWindows):
            self.windows.refuse_non_finite("windows")
        else:
            refuse_non_finite(self.windows, "windows")
        refuse_non_finite(self.forward_return, "forward_return")
        refuse_non_finite(self.volatility, "volatility")
        lengths = {len(self.windows), self.forward_return.size, self.volatility.size, self.session_index.size}
        if len(lengths) != 1 or len(self.windows.shape) != 3 or not len(self.windows):
            raise ModelInputError(
                f"windows {self.windows.shape}, forward_return {self.forward_return.shape}, volatility "
                f"{self.volatility.shape}, session_index {self.session_index.shape}: expected "
                "(n > 0, lookback, n_features) and three times (n,)"
            )
        if not (self.volatility > 0).all():
            broken = int(np.count_nonzero(self.volatility <= 0))
            raise ModelInputError(f"volatility: {broken} of {self.volatility.size} values are not positive")

    @property
    def pooled(self) -> PooledWindows:
        """The windows by position; whole ones keep their memory."""
        if isinstance(self.windows, PooledWindows):
            return self.windows
        return PooledWindows.of(self.windows)

    @property
    def tensor(self) -> npt.NDArray[np.float32]:
        """Every window, (n_windows, lookback, n_features); a copy where they are pooled."""
        return self.windows.whole() if isinstance(self.windows, PooledWindows) else self.windows

    @property
    def went_up(self) -> npt.NDArray[np.float64]:
        """1.0 where the return was positive, else 0.0."""
        return (self.forward_return > 0).astype(np.float64)

    @property
    def standardised_return(self) -> npt.NDArray[np.float64]:
        """Return over volatility, clipped at plus and minus ``STANDARDISED_RETURN_LIMIT``."""
        ratio = self.forward_return / self.volatility
        return np.clip(ratio, -STANDARDISED_RETURN_LIMIT, STANDARDISED_RETURN_LIMIT)


@dataclass(frozen=True)
class CurvePoint:
    """Losses after one epoch (or one solver step, for families without epochs)."""

    epoch: int
    training_loss: float
    validation_loss: float


class FittedModel(Protocol):
    """A model that can predict, and that can be written down as arrays."""

    @property
    def curve(self) -> tuple[CurvePoint, ...]:
        """How fitting went, at least one point; empty for a model read back from arrays."""
        ...

    def predict(
        self, windows: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Probability of a positive return and mean return over volatility.

        Parameters
        ----------
        windows : ndarray of float32, shape (n_windows, lookback, n_features)
            Scaled, finite.

        Returns
        -------
        tuple of ndarray of float64, shape (n_windows,)
            Probability strictly between 0 and 1; standardised mean.

        Raises
        ------
        NonFiniteValuesError
            If a value is NaN or infinite.
        """
        ...

    def arrays(self) -> Arrays:
        """Everything that :meth:`ModelFamily.from_arrays` needs; numeric arrays only."""
        ...


@runtime_checkable
class QuantileModel(Protocol):
    """A model that also says how the return is spread; not every family does."""

    @property
    def quantile_levels(self) -> tuple[float, ...]:
        """Ascending, each strictly between 0 and 1; empty when the configuration asks for none."""
        ...

    def predict_quantiles(self, windows: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Quantiles of the return over volatility, (n_windows, n_levels), ascending in each row."""
        ...


@runtime_checkable
class ModelFamily(Protocol):
    """The contract of a module's ``MODEL``.

    Same windows, configuration and seed give the same bytes on a CPU, whatever else runs.
    """

    @property
    def name(self) -> str:
        """The name of the module."""
        ...

    @property
    def selects_on_validation(self) -> bool:
        """Whether fitting looks at the validation part (early stopping), which flatters its scores there."""
        ...

    def config_from(self, values: Mapping[str, object]) -> Any:
        """The family's frozen configuration; raises ModelInputError on an unknown key."""
        ...

    def fit(self, fit: LabelledWindows, validation: LabelledWindows, config: Any, seed: int) -> FittedModel:
        """Learn from ``fit``; ``validation`` may only decide when to stop."""
        ...

    def from_arrays(self, arrays: Mapping[str, npt.NDArray[Any]], config: Any) -> FittedModel:
        """The model whose :meth:`FittedModel.arrays` these are; predicts the same bits."""
        ...


@runtime_checkable
class RefinableFamily(ModelFamily, Protocol):
    """A family that can go on from a fitted model: a later month, or a part of the universe."""

    def refine(
        self,
        start: Mapping[str, npt.NDArray[Any]],
        fit: LabelledWindows,
        validation: LabelledWindows,
        config: Any,
        seed: int,
    ) -> FittedModel:
        """Go on from the arrays of an earlier model, a few short passes; the start itself may be the best."""
        ...


def family_names() -> tuple[str, ...]:
    """Names of all families: the modules of this package, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def load_family(name: str) -> ModelFamily:
    """The ``MODEL`` of module ``name``.

    Raises
    ------
    UnknownModelError
        If there is no such module, or its ``MODEL`` is missing or does not keep the contract.
    """
    if name not in family_names():
        raise UnknownModelError(
            f"no model family {name!r}; there are {', '.join(family_names())}. "
            "A family is a module nextgen_assets/domain/models/<name>.py that exports MODEL"
        )
    family = getattr(importlib.import_module(f"{__name__}.{name}"), "MODEL", None)
    if not isinstance(family, ModelFamily) or family.name != name:
        raise UnknownModelError(
            f"nextgen_assets/domain/models/{name}.py exports MODEL = {family!r}, expected an object "
            f"with name {name!r}, selects_on_validation, config_from, fit and from_arrays"
        )
    return family


def build_config(family: str, config_type: type[ConfigType], values: Mapping[str, object]) -> ConfigType:
    """A frozen configuration from plain values; defaults for what is missing.

    Raises
    ------
    ModelInputError
        On a key that the family does not know.
    """
    known = {field.name for field in fields(config_type)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - known)
    if unknown:
        raise ModelInputError(
            f"model {family!r} does not know the settings {unknown}; it knows {sorted(known)}"
        )
    return config_type(**values)
