"""A read-only mapping that can be hashed and pickled, for the free-form parts of the settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

Value_co = TypeVar("Value_co", covariant=True)


class FrozenMapping(Mapping[str, Value_co]):
    """A mapping with text keys that never changes; iterated in ascending key order.

    Parameters
    ----------
    items : mapping of str to object
        Copied. Values must be hashable for the mapping to be.

    Examples
    --------
    >>> dict(FrozenMapping({"b": 2, "a": 1}))
    {'a': 1, 'b': 2}
    """

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[str, Value_co] | None = None) -> None:
        self._items: dict[str, Value_co] = dict(sorted((items or {}).items()))

    def __getitem__(self, key: str) -> Value_co:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(tuple(self._items.items()))

    def __repr__(self) -> str:
        return f"FrozenMapping({self._items!r})"
