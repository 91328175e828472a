"""Rows that must be kept although the asset that made them failed: a transaction of their own."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from nextgen_resources.warehouse.continuing import Mark
from nextgen_resources.warehouse.schema import tables_in
from nextgen_resources.warehouse.slices import prepare
from nextgen_resources.warehouse.tables import TABLES
from nextgen_resources.warehouse.warehouse import Warehouse
from nextgen_resources.warehouse.writing import refuse_overtaken, write


def append_rows(
    warehouse: Warehouse,
    table: str,
    frame: pl.DataFrame,
    run_id: str,
    now: datetime,
    marks: tuple[Mark, ...] = (),
) -> None:
    """Add the rows of ``frame`` that ``table`` does not have, checked as any other write.

    Parameters
    ----------
    marks : tuple of Mark
        What the rows rest on, as it was when it was read.

    Raises
    ------
    SliceError
        The frame does not fit the table; nothing was written.
    StaleReadError
        What a mark stands for has changed since; nothing was written.
    """
    if frame.is_empty():
        return
    with warehouse.transaction() as connection:
        refuse_overtaken(connection, table, marks)
        columns = tables_in(connection)[table]
        prepared = prepare(frame, columns, TABLES[table], None, run_id)
        write(connection, prepared, columns, TABLES[table], None, now)
