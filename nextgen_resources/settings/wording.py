"""What a setting may be, in words, for error messages; read off the JSON schema of the settings."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from nextgen_resources.settings.schema import Settings

_NOUNS = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "string": "text"}
_TEXT_NOUNS = {"date": "a date YYYY-MM-DD", "path": "a path", "password": "a secret text"}


@lru_cache(maxsize=1)
def _json_schema() -> dict[str, Any]:
    return Settings.model_json_schema()


def allowed_values(name: str) -> str:
    """What values a setting may have, in words.

    Examples
    --------
    >>> allowed_values("prediction.concurrency")
    'a whole number from 1 to 64'
    >>> allowed_values("models.lstm.device")
    "one of 'auto', 'cpu', 'cuda'"
    >>> allowed_values("ingestion.max_tickers")
    'a whole number from 1 to 10000, or null'
    """
    root = _json_schema()
    node = root
    for part in name.split("."):
        node = node["properties"][part]
        if "$ref" in node:
            node = root["$defs"][node["$ref"].rpartition("/")[2]]
    return _in_words(node)


def _in_words(node: Mapping[str, Any]) -> str:
    if "anyOf" in node:
        members = [member for member in node["anyOf"] if member.get("type") != "null"]
        if {member.get("type") for member in members} == {"number", "string"}:  # how a decimal is described
            members, node = members[:1], {"anyOf": members[:1]}
        words = list(dict.fromkeys(_in_words(member) for member in members))
        return " or ".join(words) + (", or null" if len(members) < len(node["anyOf"]) else "")
    if "enum" in node or "const" in node:
        choices = node.get("enum", [node.get("const")])
        return ("one of " if len(choices) > 1 else "") + ", ".join(repr(choice) for choice in choices)
    kind = node.get("type")
    if kind == "array":
        least = " of at least one" if node.get("minItems") else ""
        return f"a list such as [a, b]{least}, each: {_in_words(node['items'])}"
    if kind == "object":
        named = node.get("patternProperties", {"": node.get("additionalProperties")})
        return " or ".join(f"a mapping of names to {_in_words(item)}" for item in named.values())
    noun = _TEXT_NOUNS.get(node.get("format", ""), _NOUNS.get(str(kind), str(kind)))
    pattern = f" matching {node['pattern']}" if "pattern" in node else ""
    return noun + pattern + _range_in_words(node)


def _range_in_words(node: Mapping[str, Any]) -> str:
    limits = (
        ("exclusiveMinimum", "above"),
        ("minimum", "from"),
        ("exclusiveMaximum", "below"),
        ("maximum", "to" if "minimum" in node else "up to"),
    )
    words = [f"{word} {_plain(node[limit])}" for limit, word in limits if limit in node]
    joint = " " if "minimum" in node and "maximum" in node else " and "
    return " " + joint.join(words) if words else ""


def _plain(bound: object) -> str:
    """A bound without a pointless fraction: 1.0 reads 1."""
    return str(int(bound)) if isinstance(bound, float) and bound.is_integer() else str(bound)
