"""Puts the settings together: defaults, profile, keyring (production), environment, ``.env``, in this order."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nextgen_resources.errors import SettingsError
from nextgen_resources.settings import keyring_store
from nextgen_resources.settings import layers as places
from nextgen_resources.settings import variables as named
from nextgen_resources.settings.catalogue import catalogue, key_above
from nextgen_resources.settings.frozen_mapping import FrozenMapping
from nextgen_resources.settings.layers import Entry, Layer
from nextgen_resources.settings.schema import Provenance, Settings
from nextgen_resources.settings.wording import allowed_values

DEFAULT_PROFILE = "development"
KEYRING_PROFILE = "production"
ROOT_MARKER = "workspace.yaml"


def load_settings(
    profile: str | None = None,
    environ: Mapping[str, str] | None = None,
    dotenv_path: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Settings:
    """Read, merge and validate the settings.

    Parameters
    ----------
    profile : str, optional
        Which profile to apply; by default ``NEXTGEN_PROFILE`` (of ``.env``, else of the environment),
        else ``development``.
    environ : mapping of str to str, optional
        Variables to read in place of those of this process.
    dotenv_path : Path, optional
        File to read in place of ``.env`` in the project root, which need not exist; this one must.
        ``Path(os.devnull)`` reads none.
    overrides : mapping, optional
        Values of the caller, nested or with dotted keys; they win over every place.

    Returns
    -------
    Settings
        Frozen, with the origin of every value.

    Raises
    ------
    SettingsError
        Lists every unknown key, value out of range and unreadable place at once; correct them where the
        message says they are.
    """
    variables = dict(os.environ if environ is None else environ)
    root = find_project_root(variables)
    local, dotenv_problems = _read_dotenv(root, dotenv_path)
    chosen = profile or _chosen_profile(local, named.environment_variables(variables))
    stack = [
        places.read_packaged_yaml("defaults.yaml"),
        places.read_packaged_yaml(f"profiles/{_existing_profile(chosen)}.yaml"),
        _read_keyring(chosen),
        named.read_variables(named.environment_variables(variables)),
        named.read_variables(local),
        places.read_mapping(overrides or {}, "overrides"),
        Layer(problems=dotenv_problems),
    ]
    entries = places.merged(stack)
    problems = [problem for layer in stack for problem in layer.problems]
    settings = _validated(entries, Provenance(chosen, root, _origins(entries)), problems)
    if settings is None or problems:
        numbered = "\n".join(f"  {number}. {problem}" for number, problem in enumerate(problems, start=1))
        noun = "problem" if len(problems) == 1 else "problems"
        raise SettingsError(f"{len(problems)} {noun} in the settings (profile {chosen}):\n{numbered}")
    return settings


def find_project_root(environ: Mapping[str, str]) -> Path:
    """The folder of ``workspace.yaml``: ``NEXTGEN_ROOT``, else upward from this package, else from here.

    Raises
    ------
    SettingsError
        If there is none, or ``NEXTGEN_ROOT`` is not a folder; set it to the project's folder.
    """
    stated = environ.get(named.ROOT_VARIABLE, "").strip()
    if stated:
        root = Path(stated).expanduser().absolute()
        if not root.is_dir():
            raise SettingsError(
                f"environment {named.ROOT_VARIABLE} = {stated!r}: expected an existing folder"
            )
        return root
    for start in (Path(__file__).resolve().parent, Path.cwd()):
        for folder in (start, *start.parents):
            if (folder / ROOT_MARKER).is_file():
                return folder
    raise SettingsError(
        f"no {ROOT_MARKER} above {Path(__file__).resolve().parent} or {Path.cwd()}; "
        f"run inside the project or set {named.ROOT_VARIABLE} to its folder"
    )


def _read_dotenv(root: Path, path: Path | None) -> tuple[dict[str, tuple[str, str]], list[str]]:
    file = path if path is not None else root / ".env"
    if path is None and not file.is_file():
        return {}, []
    try:
        return named.dotenv_variables(file)
    except OSError as error:
        reason = error.strerror
    except UnicodeDecodeError:  # it holds the bytes of the file, so it must not travel with the error
        reason = "it is not UTF-8 text"
    raise SettingsError(f"{file} cannot be read: {reason}; correct its path, rights or encoding")


def _read_keyring(profile: str) -> Layer:
    """The secrets of the operating system's store; only a server has them there."""
    if profile != KEYRING_PROFILE:
        return Layer()
    names = {key.name.rpartition(".")[2]: key.name for key in catalogue().values() if key.is_secret}
    found = keyring_store.read_secrets(list(names))
    return Layer([Entry(names[name], secret, keyring_store.ORIGIN) for name, secret in found.items()])


def _chosen_profile(*variables: Mapping[str, tuple[str, str]]) -> str:
    for names in variables:
        text = names.get(named.PROFILE_VARIABLE, ("", ""))[0].strip()
        if text:
            return text
    return DEFAULT_PROFILE


def _existing_profile(name: str) -> str:
    known = places.profile_names()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        advice = f"; did you mean {near[0]}?" if near else ""
        raise SettingsError(
            f"the profile {name!r} (argument or {named.PROFILE_VARIABLE}) does not exist, "
            f"expected one of {', '.join(known)}{advice}"
        )
    return name


def _origins(entries: Mapping[str, Entry]) -> FrozenMapping[str]:
    """Dotted name to origin; an empty free mapping counts as left at its default."""
    origins = {name: entry.origin for name, entry in entries.items()}
    for key in catalogue().values():
        if key.is_mapping and not any(key_above(name) == key for name in entries):
            origins[key.name] = "defaults.yaml"
    return FrozenMapping(origins)


def _validated(entries: Mapping[str, Entry], provenance: Provenance, problems: list[str]) -> Settings | None:
    """The settings, or None with what is wrong added to ``problems``."""
    try:
        return Settings.build(_tree(entries, provenance.project_root), provenance)
    except ValidationError as error:
        found = [
            _problem(details["loc"], details["type"], details["msg"].removeprefix("Value error, "), entries)
            for details in error.errors(include_url=False, include_input=False)
        ]
        problems += dict.fromkeys(found)
        return None


def _tree(entries: Mapping[str, Entry], root: Path) -> dict[str, Any]:
    """Entries as nested mappings, with ``paths.data_dir`` made absolute."""
    tree: dict[str, Any] = {}
    for key in catalogue().values():
        node = tree
        *sections, leaf = key.name.split(".")
        for section in sections:
            node = node.setdefault(section, {})
        if key.name in entries:
            value = entries[key.name].value
            node[leaf] = _absolute(value, root) if key.name == "paths.data_dir" else value
        elif key.is_mapping:
            start = f"{key.name}."
            node[leaf] = {
                name.removeprefix(start): entry.value
                for name, entry in entries.items()
                if name.startswith(start)
            }
    return tree


def _absolute(value: Any, root: Path) -> Any:
    """``value`` below ``root`` unless absolute; None for empty text; anything else unchanged."""
    if not isinstance(value, str | Path):
        return value
    return Path(os.path.normpath(root / os.path.expanduser(value))) if str(value).strip() else None


def _problem(location: Sequence[int | str], kind: str, message: str, entries: Mapping[str, Entry]) -> str:
    """What is wrong at one place of the schema, with the value, its origin and what is allowed."""
    key = key_above(".".join(str(part) for part in location))
    if key is None:
        return _disagreement(message, entries)
    names = [key.name, f"{key.name}.{(*location, '')[key.name.count('.') + 1]}"]
    entry = next((entries[name] for name in names if name in entries), None)
    if entry is None:
        if key.is_mapping:
            return _disagreement(f"{key.name}: {message}", entries)
        return f"{key.name} is missing from defaults.yaml; add it ({key.description})"
    reason = message if kind == "value_error" else f"expected {allowed_values(key.name)}"
    return (
        f"{entry.name} = {places.shown(entry.name, entry.value)} from {entry.origin}: {reason} "
        f"({key.description})"
    )


def _disagreement(message: str, entries: Mapping[str, Entry]) -> str:
    """A message about several settings, with the origin of each that it names."""
    mentioned = set(re.findall(r"[a-z_]+(?:\.[a-z_]+)+", message))
    origins = [
        f"{name} from {entry.origin}"
        for name, entry in entries.items()
        if name in mentioned or name.rpartition(".")[0] in mentioned
    ]
    return f"{message} ({', '.join(origins)})"
