"""The places where settings are written, each read into entries that know where they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from nextgen_resources.settings.catalogue import catalogue, closest_key, key_above, section_names
from nextgen_resources.settings.field_types import looks_secret
from nextgen_resources.settings.yaml_values import parse_yaml

PREFIX = "NEXTGEN__"
"""What a variable that holds a setting begins with."""


@dataclass(frozen=True)
class Entry:
    """One value of one setting in one place.

    Parameters
    ----------
    name : str
        Dotted key; for an entry of a free mapping the setting's name, a dot and the entry's key.
    value : object
        As read, not yet validated.
    origin : str
        The place, as a reader would look it up.
    """

    name: str
    value: Any
    origin: str


@dataclass
class Layer:
    """What one place says: entries in reading order, and what is wrong with it."""

    entries: list[Entry] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def shown(name: str, value: object) -> str:
    """A value for a message: hidden when the key is, or is near to, a secret; shortened when long."""
    if looks_secret(name):
        return "(value not shown)"
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def profile_names() -> list[str]:
    """Profiles that exist, ascending."""
    folder = _package_file("profiles")
    return sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml"))


def read_packaged_yaml(place: str) -> Layer:
    """Read ``defaults.yaml`` or ``profiles/<name>.yaml`` of this package; secrets are refused in both."""
    return read_yaml_text(_package_file(*place.split("/")).read_text(encoding="utf-8"), place)


def read_yaml_text(text: str, origin: str) -> Layer:
    """Read settings written as YAML; ``origin`` names the place in messages."""
    try:
        tree = parse_yaml(text)
    except ValueError as error:
        return Layer(problems=[f"{origin}: {error}"])
    if tree is None:
        return Layer()
    if not isinstance(tree, Mapping):
        return Layer(problems=[f"{origin}: expected a mapping of sections, found {type(tree).__name__}"])
    layer = read_mapping(tree, origin)
    for entry in [entry for entry in layer.entries if _is_secret(entry.name) and entry.value is not None]:
        layer.entries.remove(entry)
        layer.problems.append(
            f"{entry.name} in {origin}: a secret may not stand in a shared file; remove it, treat it as "
            f"leaked, and set {variable_of(entry.name)} in the environment or .env"
        )
    return layer


def read_mapping(tree: Mapping[Any, Any], origin: str, prefix: str = "") -> Layer:
    """Read nested settings; a key may also be dotted (``"trading.max_weight"``)."""
    layer = Layer()
    for key, value in tree.items():
        name = f"{prefix}{key}"
        known = catalogue().get(name)
        if name in section_names():
            if isinstance(value, Mapping):
                inner = read_mapping(value, origin, f"{name}.")
                layer.entries += inner.entries
                layer.problems += inner.problems
            elif value is not None:
                layer.problems.append(
                    f"{name} = {shown(name, value)} from {origin}: {name} is a section, expected its keys"
                )
        elif known is not None and known.is_mapping and isinstance(value, Mapping):
            layer.entries += [Entry(f"{name}.{inner}", item, origin) for inner, item in value.items()]
        elif known is not None or is_inside_mapping(name):
            layer.entries.append(Entry(name, value, origin))
        else:
            layer.problems.append(unknown_key(name, value, origin))
    return layer


def unknown_key(name: str, value: object, origin: str) -> str:
    """The message about a key that does not exist."""
    near = closest_key(name)
    advice = f"did you mean {near}?" if near else "defaults.yaml lists every key"
    given = "" if isinstance(value, Mapping) else f" = {shown(name, value)}"
    return f"{name}{given} from {origin}: unknown key; {advice}"


def variable_of(name: str) -> str:
    """The variable that sets a setting: ``models.seed`` is ``NEXTGEN__MODELS__SEED``."""
    return PREFIX + name.upper().replace(".", "__")


def merged(layers: Sequence[Layer]) -> dict[str, Entry]:
    """The entry in force for each name: of several, the last.

    Notes
    -----
    Free mappings are merged key by key; a null removes a key that a lower place had set.
    """
    in_force: dict[str, Entry] = {}
    for layer in layers:
        for entry in layer.entries:
            in_force[entry.name] = entry
    return {
        name: entry
        for name, entry in in_force.items()
        if not (entry.value is None and is_inside_mapping(name))
    }


def is_inside_mapping(name: str) -> bool:
    """Whether ``name`` is an entry of a free mapping."""
    key = key_above(name)
    return key is not None and key.is_mapping and name != key.name


def _is_secret(name: str) -> bool:
    key = catalogue().get(name)
    return key is not None and key.is_secret


def _package_file(*parts: str) -> Traversable:
    return resources.files("nextgen_resources.settings").joinpath(*parts)
