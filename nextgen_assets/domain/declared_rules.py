"""Rules declared as data and judged by one engine: which rows break which rule first.

A rule is a name, a condition and a text. The rules of a table become a schema of dataframely, whose ``filter``
tells sound rows from broken ones and keeps, for the broken, the verdict of every rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import polars as pl

BROKEN_SCHEMA = {"row": pl.UInt32(), "rule": pl.Int32()}
_ROW = "row"


@dataclass(frozen=True, eq=False)
class Rule:
    """One reason to reject a row.

    Parameters
    ----------
    reason_code : str
        Stable name, for counting.
    is_broken : polars.Expr
        True where the row breaks the rule; null counts as not broken.
    text : str
        Reason for a reader; ``{column}`` is filled from the row.
    """

    reason_code: str
    is_broken: pl.Expr
    text: str


def first_broken(
    rows: pl.DataFrame, rules: Sequence[Rule], types: Mapping[str, pl.DataType] | None = None
) -> pl.DataFrame:
    """The rows that break a rule, each with the first one.

    Parameters
    ----------
    rows : polars.DataFrame
        With the columns that the rules read.
    rules : sequence of Rule
        In the order in which the first broken one gives the reason; names are unique.
    types : mapping of str to polars.DataType, optional
        Types that columns must have.

    Returns
    -------
    polars.DataFrame
        ``row`` (position in ``rows``) and ``rule`` (position in ``rules``), ascending by row.

    Raises
    ------
    ValueError
        A column is missing or of another type: what was found and what the rules expect.

    References
    ----------
    https://github.com/Quantco/dataframely
    """
    read = sorted({name for rule in rules for name in rule.is_broken.meta.root_names()} | set(types or {}))
    wrong = {
        name: str(rows.schema.get(name, "nothing"))
        for name in read
        if name not in rows.schema or (types and name in types and rows.schema[name] != types[name])
    }
    if wrong:
        expected = {name: str((types or {}).get(name, "a column")) for name in wrong}
        raise ValueError(
            f"rules {rules[0].reason_code}…: found {wrong}, expected {expected}; cast them first"
        )
    if rows.is_empty():
        return pl.DataFrame(schema=BROKEN_SCHEMA)
    _, failures = _schema(tuple(rules), tuple(read)).filter(rows.select(read).with_row_index(_ROW))
    if not len(failures):
        return pl.DataFrame(schema=BROKEN_SCHEMA)
    verdicts = failures.details()
    first = pl.coalesce(
        pl.when(pl.col(f"rule_{place}") == "invalid").then(pl.lit(place, pl.Int32))
        for place in range(len(rules))
    )
    told: pl.DataFrame = verdicts.select(pl.col(_ROW).cast(pl.UInt32), first.alias("rule")).sort(_ROW)
    return told


@lru_cache(maxsize=16)
def _schema(rules: tuple[Rule, ...], columns: tuple[str, ...]) -> Any:
    """The schema of dataframely that the rules make; the same rules make one schema."""
    import dataframely as dy

    members: dict[str, Any] = {name: dy.Any() for name in (_ROW, *columns)}
    for place, rule in enumerate(rules):
        members[f"rule_{place}"] = dy.rule()(partial(_is_kept, rule))
    return type("Declared", (dy.Schema,), members)


def _is_kept(rule: Rule, _schema: Any) -> pl.Expr:
    return ~rule.is_broken.fill_null(False)
