"""Settings and secrets from variables: those of the process and those of a ``.env`` file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dotenv.parser import parse_stream

from nextgen_resources.settings.catalogue import Key, catalogue, section_names
from nextgen_resources.settings.layers import (
    PREFIX,
    Entry,
    Layer,
    is_inside_mapping,
    read_mapping,
    shown,
    unknown_key,
    variable_of,
)
from nextgen_resources.settings.yaml_values import parse_yaml

PROFILE_VARIABLE = "NEXTGEN_PROFILE"
ROOT_VARIABLE = "NEXTGEN_ROOT"


def read_variables(variables: Mapping[str, tuple[str, str]]) -> Layer:
    """Read settings and secrets from variables.

    Parameters
    ----------
    variables : mapping of str to (str, str)
        Variable name to its text and its origin. Variables of other programs are skipped.

    Notes
    -----
    An empty secret is skipped: an unfilled line of a template leaves the place below in force.
    """
    layer = Layer()
    flat = {name.replace(".", "_"): name for name in catalogue()}
    usual = {name.rpartition(".")[2].upper(): name for name, key in catalogue().items() if key.is_secret}
    for variable in sorted(variables, key=lambda name: (name.startswith(PREFIX), name)):
        text, origin = variables[variable]
        if variable in usual and text.strip():
            layer.entries.append(Entry(usual[variable], text.strip(), origin))
        elif variable.startswith(PREFIX):
            _read_variable(layer, variable, text, origin)
        elif variable.startswith("NEXTGEN_") and variable[len("NEXTGEN_") :].lower() in flat:
            name = flat[variable[len("NEXTGEN_") :].lower()]
            layer.problems.append(f"{name} from {origin}: {variable} is not read; write {variable_of(name)}")
    return layer


def _read_variable(layer: Layer, variable: str, text: str, origin: str) -> None:
    name = variable[len(PREFIX) :].lower().replace("__", ".")
    key = catalogue().get(name)
    if key is None and not is_inside_mapping(name):
        if name in section_names():
            layer.problems.append(f"{name} from {origin}: {name} is a section; set {variable}__<key> instead")
        else:
            layer.problems.append(unknown_key(name, text, origin))
    elif key is not None and key.is_secret:
        if text.strip():
            layer.entries.append(Entry(name, text.strip(), origin))
    else:
        try:
            value = _read_text(text, key)
        except ValueError as error:
            layer.problems.append(f"{name} = {shown(name, text)} from {origin}: {error}")
        else:
            layer.entries += read_mapping({name: value}, origin).entries


def _read_text(text: str, key: Key | None) -> Any:
    """The YAML value of a variable; text settings take what is no YAML text literally."""
    if key is None or not key.is_text:
        return parse_yaml(text)
    try:
        value = parse_yaml(text)
    except ValueError:
        return text.strip()
    return value if isinstance(value, str) or (value is None and key.is_nullable) else text.strip()


def environment_variables(environ: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Variables of the process with their origins."""
    return {name: (text, f"environment {name}") for name, text in environ.items()}


def dotenv_variables(path: Path) -> tuple[dict[str, tuple[str, str]], list[str]]:
    """Variables of a ``.env`` file with their origins, and what is wrong with it.

    Notes
    -----
    ``${NAME}`` is not expanded, so a secret may hold a dollar sign. Of a repeated variable the last counts.
    """
    variables: dict[str, tuple[str, str]] = {}
    problems: list[str] = []
    with path.open(encoding="utf-8-sig") as stream:
        for binding in parse_stream(stream):
            written = binding.original.string
            blank = written[: len(written) - len(written.lstrip())]
            origin = f"{path.name}:{binding.original.line + blank.count(chr(10))}"
            if binding.error:
                problems.append(f"{origin}: cannot be read, expected NAME=value")
            elif binding.key == ROOT_VARIABLE:
                problems.append(f"{origin}: {ROOT_VARIABLE} says where .env lies; set it in the environment")
            elif binding.key is not None:
                variables[binding.key] = (binding.value or "", origin)
    return variables, problems
