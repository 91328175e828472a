"""Features: numbers that describe one ticker at the close of one session.

A module of this package exports ``FEATURE`` or ``FEATURES``; it is found by being here and switched on
by its name or that of its family. A feature reads the panel of its own ticker, or of every ticker that
has a bar on the session (``scope``), today and ``lookback_sessions`` rows before it, and nothing else, so
that a session computed alone equals the same session in any longer pass, bit for bit.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from types import MappingProxyType
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from nextgen_assets.domain.grid import Values
from nextgen_assets.domain.prices import Panel

NullPolicy = Literal["null_if_any_missing", "zero_if_absent", "never_null"]
Scope = Literal["ticker", "market"]

CORE = (
    "close_location", "distance_high_20", "distance_mean_20", "dollar_volume_z_20", "downside_share_20",
    "news_count", "overnight_gap", "parkinson_10", "return_1", "return_20", "return_5", "rsi_14", "sentiment",
    "volatility_20", "volatility_ratio_5_20",
)  # fmt: skip
"""The small set that ``core`` names: what the models use unless the settings say otherwise."""


class UnknownFeatureError(ValueError):
    """A feature was asked for by a name that no module declares."""


class Block(Protocol):
    """Features that are computed together, because they share most of their work."""

    def fill(
        self,
        panel: Panel,
        names: Sequence[str],
        columns: Sequence[int],
        out: NDArray[np.floating],
        first: int,
    ) -> None:
        """Write the features ``names`` into ``out[:, :, columns]``.

        Parameters
        ----------
        panel : Panel
            Today and the history.
        out : ndarray (n_sessions - first, n_tickers, n_columns)
            Rows ``first`` and later of the panel; computed in float64, rounded once to its type; NaN for null.
        """


@dataclass(frozen=True)
class Feature:
    """One column of the feature vector.

    Parameters
    ----------
    name : str
        The name in settings and in ``feature_sets.names``.
    inputs : tuple of str
        Fields of the panel that it reads.
    lookback_sessions : int
        How many rows of the panel before today it reads. A row's return reaches back to the close
        before it, so the raw bars reach one session further.
    null_policy : {"null_if_any_missing", "zero_if_absent", "never_null"}
        Null when one of the rows of its ticker has no value, 0 where there is nothing to report, or known
        for every session ahead.
    description : str
        What the number says, with its unit.
    reference : str
        Where the formula was published.
    compute : callable
        Panel to (n_sessions, n_tickers) float64; NaN for null, never infinite.
    version : int
        Raised whenever the formula changes: it enters the id of the feature set.
    family : str
        A name in settings that stands for all its features; empty for none.
    scope : {"ticker", "market"}
        Whose rows it reads: those of its ticker, or those of every ticker with a bar on the session.
    block : Block, optional
        Computes the feature together with others, faster than ``compute``, to the same bits.
    """

    name: str
    inputs: tuple[str, ...]
    lookback_sessions: int
    null_policy: NullPolicy
    description: str
    reference: str
    compute: Callable[[Panel], Values]
    version: int = 1
    family: str = ""
    scope: Scope = "ticker"
    block: Block | None = field(default=None, compare=False)

    def definition(self) -> dict[str, object]:
        """Everything that states the feature, ready for JSON."""
        return {
            "name": self.name,
            "version": self.version,
            "inputs": list(self.inputs),
            "lookback_sessions": self.lookback_sessions,
            "null_policy": self.null_policy,
            "scope": self.scope,
            "description": self.description,
            "reference": self.reference,
        }


@dataclass(frozen=True)
class FeatureSet:
    """Features in the order of the vector, and how many sessions a window stacks.

    Parameters
    ----------
    features : tuple of Feature
        Columns of the vector; at least one.
    lookback_sessions : int
        Sessions of a window, the last included; at least 1.
    """

    features: tuple[Feature, ...]
    lookback_sessions: int

    def __post_init__(self) -> None:
        if not self.features or self.lookback_sessions < 1:
            raise ValueError(
                f"a feature set needs a feature and a lookback of at least 1 session, found "
                f"{len(self.features)} features and {self.lookback_sessions} sessions"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Names in the order of the vector."""
        return tuple(feature.name for feature in self.features)

    @property
    def scope(self) -> Scope:
        """``market`` when one of the features reads the rows of every ticker."""
        return "market" if any(feature.scope == "market" for feature in self.features) else "ticker"

    @property
    def reads_sectors(self) -> bool:
        """Whether one of the features reads which sector a ticker belongs to."""
        return any("sector" in feature.inputs for feature in self.features)

    @property
    def feature_set_id(self) -> str:
        """The hash of what defines the values; see :func:`feature_set_id`."""
        return feature_set_id(self.features, self.lookback_sessions)

    def definitions_json(self) -> str:
        """The definitions in the order of the vector, as ``feature_sets.definitions`` keeps them."""
        return json.dumps([feature.definition() for feature in self.features], sort_keys=True)


@lru_cache(maxsize=1)
def known_features() -> Mapping[str, Feature]:
    """Every feature of this package by name, sorted.

    Raises
    ------
    TypeError
        If a module exports no feature, or two export the same name.
    """
    found: dict[str, Feature] = {}
    for info in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        if info.name.startswith("_"):
            continue
        module = importlib.import_module(f"{__name__}.{info.name}")
        exported = getattr(module, "FEATURES", None) or (getattr(module, "FEATURE", None),)
        for feature in exported:
            if not isinstance(feature, Feature):
                raise TypeError(f"{module.__name__} exports no Feature; define FEATURE or FEATURES in it")
            if feature.name in found:
                raise TypeError(f"{module.__name__} declares {feature.name} again; rename one of the two")
            found[feature.name] = feature
    return MappingProxyType(dict(sorted(found.items())))


def families() -> Mapping[str, tuple[str, ...]]:
    """Names that stand for several features, each with these in order; ``core`` is one of them."""
    found: dict[str, list[str]] = {"core": list(CORE)}
    for name, feature in known_features().items():
        if feature.family:
            found.setdefault(feature.family, []).append(name)
    return MappingProxyType({name: tuple(members) for name, members in sorted(found.items())})


def select(names: Sequence[str]) -> tuple[Feature, ...]:
    """Features by name or by family, in the order asked for.

    Raises
    ------
    UnknownFeatureError
        If a name is unknown: the message lists the families and what is spelt alike.
    ValueError
        If a feature is asked for twice, or none is.
    """
    known, groups = known_features(), families()
    unknown = [name for name in names if name not in known and name not in groups]
    if unknown:
        alike = [match for name in unknown for match in get_close_matches(name, [*known, *groups])]
        raise UnknownFeatureError(
            f"unknown features {unknown}; spelt alike are {alike}; families are {', '.join(groups)}; "
            "`nextgen_assets/domain/features` has the rest"
        )
    wanted = [member for name in names for member in groups.get(name, (name,))]
    if not wanted or len(set(wanted)) != len(wanted):
        raise ValueError(f"expected each feature once and at least one, found {list(names)}")
    return tuple(known[name] for name in wanted)


def feature_set_id(features: Sequence[Feature], lookback_sessions: int) -> str:
    """Hash of what defines the values of a window: 32 hexadecimal digits.

    It covers, in order, the name, version, inputs, lookback, null policy and (where it is the market)
    scope of each feature, and the sessions of a window; descriptions may be reworded without a new id.
    """
    defining = ("name", "version", "inputs", "lookback_sessions", "null_policy")
    wider = {feature.name: ["market"] if feature.scope == "market" else [] for feature in features}
    definitions = [feature.definition() for feature in features]
    text = json.dumps(
        {
            "lookback_sessions": lookback_sessions,
            "features": [
                [*(definition[key] for key in defining), *wider[str(definition["name"])]]
                for definition in definitions
            ],
        },
        sort_keys=True,
    )
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
