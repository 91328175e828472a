"""A slice of a table, and the check of a frame before it takes the place of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from nextgen_resources.errors import SliceError
from nextgen_resources.warehouse.schema import Column, Table
from nextgen_resources.warehouse.tables import TableSpec


@dataclass(frozen=True)
class Slice:
    """Sessions from ``first`` to ``last``, both included, of one scenario."""

    first: date
    last: date
    scenario_id: str

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}..{self.last}"


@dataclass(frozen=True)
class BasedOn:
    """A whole table to write, and the stored table that it was worked out from.

    The write refuses it if the stored table has changed since it was read: two runs at once then write one
    after the other, and the later one reads what the earlier one wrote. ``beside`` holds frames of further
    tables of the asset, written in the same transaction.
    """

    frame: pl.DataFrame
    read: pl.DataFrame
    beside: Mapping[str, pl.DataFrame] = field(default_factory=dict)


def prepare(
    frame: pl.DataFrame, table: Table, spec: TableSpec, cut: Slice | None, run_id: str
) -> pl.DataFrame:
    """The frame with ``run_id`` stamped and columns in table order, or an error that says what is wrong.

    Raises
    ------
    SliceError
        For a missing or unknown column, a wrong type, a null where none may be, a number that is
        not finite, a doubled key, a row outside the slice or of another scenario.

    Notes
    -----
    Columns that may be null and are absent are written as null. pandas knows no dates: midnights
    without a zone become dates where the table has a DATE.
    """
    if "run_id" in table.names and "run_id" not in frame.columns:
        frame = frame.with_columns(pl.lit(run_id).alias("run_id"))
    where = f"{table.name}{f' {cut}' if cut else ''}"
    absent = [c.name for c in table.columns if c.name not in frame.columns]
    if missing := [name for name in absent if not _column(table, name).is_nullable]:
        raise SliceError(
            f"{where}: the frame lacks the columns {missing}; it has {frame.columns}; "
            "return them too, or make them nullable by a migration"
        )
    if unknown := [name for name in frame.columns if name not in table.names]:
        raise SliceError(
            f"{where}: the frame has columns {unknown} that the table lacks; add a migration or drop them"
        )
    frame = _with_dates(frame, table).with_columns(pl.lit(None).alias(name) for name in absent)
    for name, dtype in frame.schema.items():
        if not _column(table, name).accepts(dtype):
            raise SliceError(
                f"{where}: column {name} is {dtype}, expected {_column(table, name).sql_type}; "
                "cast it in the asset that built the frame"
            )
    frame = frame.select(table.names)
    _check_values(frame, table, spec, where)
    if cut is not None and spec.slice_column is not None:
        _check_inside(frame, spec.slice_column, cut, where)
    return frame


def _column(table: Table, name: str) -> Column:
    return next(column for column in table.columns if column.name == name)


def _with_dates(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    midnights = [
        name
        for name, dtype in frame.schema.items()
        if isinstance(dtype, pl.Datetime)
        and dtype.time_zone is None
        and _column(table, name).sql_type == "DATE"
        and (frame[name].dt.date().cast(dtype) == frame[name]).all()
    ]
    return frame.with_columns(pl.col(midnights).cast(pl.Date)) if midnights else frame


def _check_values(frame: pl.DataFrame, table: Table, spec: TableSpec, where: str) -> None:
    required = [column.name for column in table.columns if not column.is_nullable]
    nulls = {
        name: count for name, count in frame.select(required).null_count().row(0, named=True).items() if count
    }
    if nulls:
        raise SliceError(
            f"{where}: nulls in columns that must have a value: {nulls}; "
            "leave such rows out or find their values"
        )
    numbers = [name for name, dtype in frame.schema.items() if dtype.is_float()]
    strange = {name: count for name in numbers if (count := int((~frame[name].is_finite()).sum()))}
    if strange:
        raise SliceError(
            f"{where}: NaN or infinite numbers in {strange}; write null where a value cannot be known"
        )
    if table.key:
        key = [*table.key, *([spec.version_column] if spec.version_column else [])]
        doubled = frame.select(key).filter(frame.select(key).is_duplicated())
        if doubled.height:
            raise SliceError(
                f"{where}: {doubled.height} rows share a key ({', '.join(key)}), for example "
                f"{doubled.row(0)}; keep one row for each key"
            )


def _check_inside(frame: pl.DataFrame, column: str, cut: Slice, where: str) -> None:
    outside = frame.filter(~pl.col(column).is_between(cut.first, cut.last))
    if outside.height:
        found = sorted(outside[column].unique().to_list())[:3]
        raise SliceError(
            f"{where}: {outside.height} rows lie outside the slice ({column} "
            f"{', '.join(map(str, found))} …); an asset may write only the partitions it was asked for"
        )
    if "scenario_id" in frame.columns:
        foreign = frame.filter(pl.col("scenario_id") != cut.scenario_id)
        if foreign.height:
            raise SliceError(
                f"{where}: {foreign.height} rows are of scenario {foreign['scenario_id'][0]!r}; "
                f"this run writes scenario {cut.scenario_id!r} only"
            )
