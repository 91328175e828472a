"""YAML as people mean it: the core schema of YAML 1.2, with duplicate keys refused.

PyYAML follows YAML 1.1, where the tickers ``ON`` and ``NO`` are booleans, ``1e-3`` is text and ``12:30`` is
750. Here only ``true`` and ``false`` are booleans, ``1e-3`` is a number, and dates stay text for the schema
to read.

References
----------
.. [1] YAML 1.2.2, section 10.3, core schema. https://yaml.org/spec/1.2.2/
"""

from __future__ import annotations

import re
from typing import Any

import yaml


class _CoreLoader(yaml.SafeLoader):
    """SafeLoader with the scalars of the YAML 1.2 core schema."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        repeated = sorted({str(key) for key in keys if keys.count(key) > 1})
        if repeated:
            raise yaml.MarkedYAMLError(
                problem=f"the key {', '.join(repeated)} occurs twice", problem_mark=node.start_mark
            )
        return super().construct_mapping(node, deep=deep)


def _construct_integer(loader: _CoreLoader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node))
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    return int(text, base)


_SCALARS = (
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
)
for _kind, _pattern, _first in _SCALARS:
    _CoreLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_kind}",
        re.compile(f"^(?:{_pattern})$"),
        ["" if c == "\0" else c for c in _first],
    )
_CoreLoader.add_constructor("tag:yaml.org,2002:int", _construct_integer)


def parse_yaml(text: str) -> Any:
    """Read one YAML document with the core schema.

    Parameters
    ----------
    text : str
        A scalar, a list or a mapping.

    Returns
    -------
    object
        None, bool, int, float, str, list or dict of these.

    Raises
    ------
    ValueError
        If it is not YAML or a mapping repeats a key; the message says where, and quotes nothing.

    Examples
    --------
    >>> parse_yaml("[AAPL, ON, NO, 1e-3, 2013-03-01, true]")
    ['AAPL', 'ON', 'NO', 0.001, '2013-03-01', True]
    """
    try:
        return yaml.load(text, Loader=_CoreLoader)  # noqa: S506 (a SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or "it holds a character that YAML does not allow"
        raise ValueError(f"not valid YAML{place}: {problem}") from None
