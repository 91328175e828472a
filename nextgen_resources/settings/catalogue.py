"""What keys exist: one entry per setting, read off the schema, in the order of the schema."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr

from nextgen_resources.settings.schema import Settings

_TEXT_TYPES = (str, Path, date, SecretStr)


@dataclass(frozen=True)
class Key:
    """One setting.

    Parameters
    ----------
    name : str
        Dotted, such as ``models.lstm.epochs``.
    description : str
        What it means, with its unit.
    is_text : bool
        The value is text (or a date or a path), so ``no`` and ``2024`` are taken literally.
    is_secret : bool
        The value must never be shown.
    is_mapping : bool
        The value is a mapping whose keys are free, merged key by key between the layers.
    is_nullable : bool
        Null is allowed.
    """

    name: str
    description: str
    is_text: bool
    is_secret: bool
    is_mapping: bool
    is_nullable: bool


def _plain_types(annotation: Any) -> Iterator[Any]:
    """The types of an annotation, without Annotated and Optional; of a Literal those of its choices."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _plain_types(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for member in get_args(annotation):
            yield from _plain_types(member)
    elif origin is Literal:
        yield from {type(choice) for choice in get_args(annotation)}
    else:
        yield origin or annotation


def _keys(model: type[BaseModel], prefix: str) -> Iterator[Key]:
    for name, info in model.model_fields.items():
        annotation = info.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from _keys(annotation, f"{prefix}{name}.")
            continue
        kinds = set(_plain_types(annotation))
        values = kinds - {types.NoneType}
        yield Key(
            name=f"{prefix}{name}",
            description=info.description or "",
            is_text=all(isinstance(kind, type) and issubclass(kind, _TEXT_TYPES) for kind in values),
            is_secret=SecretStr in values,
            is_mapping=Mapping in values or dict in values,
            is_nullable=types.NoneType in kinds,
        )


@lru_cache(maxsize=1)
def catalogue() -> Mapping[str, Key]:
    """Dotted name to `Key`, every setting, in the order of the schema."""
    return {key.name: key for key in _keys(Settings, "")}


@lru_cache(maxsize=1)
def section_names() -> frozenset[str]:
    """Dotted names of the sections, such as ``models`` and ``models.lstm``."""
    names = (name.split(".")[:-1] for name in catalogue())
    return frozenset(".".join(parts[:depth]) for parts in names for depth in range(1, len(parts) + 1))


def closest_key(name: str) -> str | None:
    """The existing key or section that ``name`` was probably meant to be; None when nothing is near.

    Examples
    --------
    >>> closest_key("prediction.concurency"), closest_key("trading.concurrency"), closest_key("qqq")
    ('prediction.concurrency', 'prediction.concurrency', None)
    """
    section, _, last = name.rpartition(".")
    known = [*catalogue(), *sorted(section_names())]
    siblings = {other.rpartition(".")[2]: other for other in known if other.rpartition(".")[0] == section}
    near = difflib.get_close_matches(last, siblings, n=1)
    if near:
        return siblings[near[0]]
    namesakes = [other for other in catalogue() if other.rpartition(".")[2] == last]
    if namesakes:
        return namesakes[0]
    whole = difflib.get_close_matches(name, known, n=1, cutoff=0.7)
    return whole[0] if whole else None


def key_above(name: str) -> Key | None:
    """The setting that ``name`` is or lies in: an entry of a free mapping, an item of a list."""
    parts = name.split(".")
    for depth in range(len(parts), 0, -1):
        key = catalogue().get(".".join(parts[:depth]))
        if key is not None:
            return key
    return None
