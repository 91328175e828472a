"""Shows the settings with their origins; a secret is only ever reported as set or not set."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from nextgen_resources.settings.catalogue import Key, catalogue
from nextgen_resources.settings.schema import Settings

SECRET_SET, SECRET_NOT_SET = "••• set", "not set"


def settings_table(settings: Settings) -> list[tuple[str, str, str]]:
    """Every setting in force.

    Parameters
    ----------
    settings : Settings
        From `load_settings`.

    Returns
    -------
    list of (str, str, str)
        Dotted key, value as text (lists and mappings as JSON, null as ``null``) and origin, in the order
        of the schema. A free mapping has one row per entry, or one row ``{}`` when it is empty.
    """
    return [(name, _as_text(value), origin) for name, value, origin, _ in _rows(settings)]


def settings_json(settings: Settings) -> str:
    """The same as one JSON document, for programs.

    Returns
    -------
    str
        Object with ``profile``, ``scenario_id``, ``fingerprint``, ``project_root`` and ``settings``: dotted
        key to ``value``, ``origin`` and ``description``. Indented, UTF-8, in the order of the schema.
    """
    document = {
        "profile": settings.profile,
        "scenario_id": settings.scenario_id,
        "fingerprint": settings.fingerprint(),
        "project_root": str(settings.project_root),
        "settings": {
            name: {"value": value, "origin": origin, "description": key.description}
            for name, value, origin, key in _rows(settings)
        },
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _rows(settings: Settings) -> Iterator[tuple[str, Any, str, Key]]:
    values = settings.model_dump(mode="json", exclude={"credentials"})
    for name, key in catalogue().items():
        if key.is_secret:
            yield name, _secret_state(settings, name), settings.origins[name], key
            continue
        value: Any = values
        for part in name.split("."):
            value = value[part]
        entries = value.items() if key.is_mapping and value else ()
        for inner, item in entries:
            yield f"{name}.{inner}", item, settings.origins[f"{name}.{inner}"], key
        if not entries:
            yield name, value, settings.origins[name], key


def _secret_state(settings: Settings, name: str) -> str:
    secret = getattr(settings.credentials, name.rpartition(".")[2])
    return SECRET_NOT_SET if secret is None else SECRET_SET


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list | Mapping) or value is None or isinstance(value, bool):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
