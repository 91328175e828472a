"""Our model families on the movement benchmark: chosen on the validation part, then run from several seeds.

Everything that is chosen (lookback, settings, decision threshold, when to stop) is chosen on the validation part;
the test part is scored once, with what was chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType
from typing import Any

import numpy as np

from nextgen_assets.domain.calibration import logit, sigmoid
from nextgen_assets.domain.grid import Values
from nextgen_assets.domain.metrics import log_loss
from nextgen_assets.domain.models import LabelledWindows, load_family
from nextgen_assets.domain.movement import MovementData, MovementSamples, movement_samples
from nextgen_assets.domain.movement_protocols import MovementProtocol
from nextgen_assets.domain.movement_scores import Calls
from nextgen_assets.domain.scaling import fit_scaler

FIT, VALIDATION, TEST = 0, 1, 2
Candidates = Mapping[str, Sequence[Any]]
_NETWORK: Candidates = {
    "lookback": (5, 10), "hidden_size": (8,), "weight_decay": (1e-2, 1.0), "learning_rate": (1e-3,),
    "batch_size": (512,), "epochs": (10,),
}  # fmt: skip
CANDIDATES: Mapping[str, Candidates] = MappingProxyType(
    {
        "logistic": {"lookback": (5, 10, 15), "ridge_windows": (4e2, 4e4, 4e5)},
        "gradient_boosting": {"lookback": (5, 10), "leaves": (4, 15), "minimum_leaf_windows": (500,)},
        "lstm": _NETWORK,
        "attentive_lstm": _NETWORK,
    }
)
"""Settings to choose from, every combination; a family that is not named has its defaults at 5 and 10 days."""
LONGEST = 15


@dataclass(frozen=True)
class Trial:
    """One combination and its validation log loss."""

    settings: Mapping[str, Any]
    validation_log_loss: float


@dataclass(frozen=True, eq=False)
class FamilyRun:
    """A family on the benchmark.

    Parameters
    ----------
    family : str
        Its name.
    settings : mapping
        What the validation part chose; ``lookback`` among it.
    trials : tuple of Trial
        Every combination that was tried, in order.
    validation, test : ndarray (n_seeds, n_samples)
        Probability of up. One seed stands for all where a family draws nothing.
    """

    family: str
    settings: Mapping[str, Any]
    trials: tuple[Trial, ...]
    validation: Values
    test: Values


class MovementRunner:
    """Samples by lookback, made once, and families run on them."""

    def __init__(self, data: MovementData, protocol: MovementProtocol, say: Callable[[str], None]) -> None:
        self._data, self._protocol, self._say = data, protocol, say
        self._made: tuple[int, MovementSamples, list[LabelledWindows]] | None = None

    def samples(self, lookback: int) -> MovementSamples:
        """The samples of one lookback; those used last are kept."""
        return self._parts(lookback)[1]

    def run(self, family: str, seeds: Sequence[int]) -> FamilyRun:
        """Choose settings by validation log loss with the first seed, then predict from every seed.

        Raises
        ------
        UnknownModelError, ModelInputError
            If there is no such family, or it refuses the windows.
        """
        trials = []
        for settings in combinations(CANDIDATES.get(family, {"lookback": (5, 10)})):
            (validation, _), came = self._predict(family, settings, seeds[0])
            trials.append(Trial(settings, log_loss(validation, came)))
            self._say(f"{family} {settings}: validation log loss {trials[-1].validation_log_loss:.5f}")
        chosen = min(trials, key=lambda trial: trial.validation_log_loss).settings
        predicted: list[tuple[Values, Values]] = []
        for seed in seeds:
            predicted.append(self._predict(family, chosen, seed)[0])
            self._say(f"{family} seed {seed}: done")
            if len(predicted) == 2 and _same(*predicted):
                del predicted[1]
                break
        validation, test = (np.stack([pair[part] for pair in predicted]) for part in range(2))
        return FamilyRun(family, chosen, tuple(trials), validation, test)

    def calls(self, run: FamilyRun) -> Calls:
        """Calls on the test part, at the threshold that the validation part gives each seed."""
        samples = self.samples(int(run.settings["lookback"]))
        came, test = samples.went_up[samples.part == VALIDATION], samples.part == TEST
        said = np.stack([
            (probability >= balanced_threshold(validation, came)).astype(np.float64)
            for validation, probability in zip(run.validation, run.test, strict=True)
        ])  # fmt: skip
        return Calls.of(said, samples.went_up[test], samples.day_index[test])

    def validation_log_loss(self, run: FamilyRun) -> float:
        """Mean over the seeds of the log loss on the validation part."""
        samples = self.samples(int(run.settings["lookback"]))
        came = samples.went_up[samples.part == VALIDATION]
        return float(np.mean([log_loss(probability, came) for probability in run.validation]))

    def _predict(
        self, family: str, settings: Mapping[str, Any], seed: int
    ) -> tuple[tuple[Values, Values], Values]:
        own = {name: value for name, value in settings.items() if name != "lookback"}
        _, _, (fit, validation, test) = self._parts(int(settings["lookback"]))
        model = load_family(family)
        fitted = model.fit(fit, validation, model.config_from(own), seed)
        return (fitted.predict(validation.tensor)[0], fitted.predict(test.tensor)[0]), validation.went_up

    def _parts(self, lookback: int) -> tuple[int, MovementSamples, list[LabelledWindows]]:
        if self._made is None or self._made[0] != lookback:
            self._made = None
            samples = movement_samples(self._data, self._protocol, lookback, LONGEST)
            self._made = lookback, samples, labelled_parts(samples)
        return self._made


def labelled_parts(samples: MovementSamples) -> list[LabelledWindows]:
    """Fit, validation and test as model families take them, scaled by moments of the fit part.

    The volatility of every sample is the deviation of the returns of the fit part: the set gives none.
    """
    fit = samples.part == FIT
    scaler, deviation = fit_scaler(samples.windows[fit]), float(samples.log_return[fit].std())
    return [
        LabelledWindows(
            scaler.transform(samples.windows[rows]),
            samples.log_return[rows],
            np.full(int(rows.sum()), deviation),
            samples.day_index[rows],
        )
        for rows in (samples.part == part for part in (FIT, VALIDATION, TEST))
    ]


def ensemble_of(runs: Sequence[FamilyRun]) -> FamilyRun:
    """Mean log odds of the families, seed by seed; a family that draws nothing takes part in every seed."""
    n_seeds = max(len(run.test) for run in runs)

    def joined(part: str) -> Values:
        said = [
            np.broadcast_to(logit(getattr(run, part)), (n_seeds, getattr(run, part).shape[1])) for run in runs
        ]
        return sigmoid(np.mean(said, axis=0))

    names = " + ".join(run.family for run in runs)
    settings = {"lookback": runs[0].settings["lookback"], "members": names}
    return FamilyRun("ensemble", settings, (), joined("validation"), joined("test"))


def balanced_threshold(probability_up: Values, went_up: Values) -> float:
    """The probability from which on as many samples are called up as went up.

    A base rate that drifts by one part in a hundred would else call almost everything one way: what the windows
    tell moves the probability less than that.
    """
    n_up = max(int(went_up.sum()), 1)
    return float(np.sort(probability_up)[-n_up])


def combinations(candidates: Candidates) -> Iterator[dict[str, Any]]:
    """Every combination, the first name changing slowest."""
    for values in product(*candidates.values()):
        yield dict(zip(candidates, values, strict=True))


def _same(one: tuple[Values, Values], two: tuple[Values, Values]) -> bool:
    return all(first.tobytes() == second.tobytes() for first, second in zip(one, two, strict=True))
