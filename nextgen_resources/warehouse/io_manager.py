"""The IO manager: a slice is checked, then replaced in one transaction, or the old rows stay."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import dagster as dg
import duckdb
import polars as pl

from nextgen_resources.clock import Clock, SystemClock
from nextgen_resources.errors import PartitionKeyError, SliceError, StaleReadError
from nextgen_resources.warehouse.continuing import Continued, Mark
from nextgen_resources.warehouse.schema import tables_in, tables_of_record
from nextgen_resources.warehouse.slices import BasedOn, Slice, prepare
from nextgen_resources.warehouse.tables import TABLES, TableSpec, WriteMode, tables_of
from nextgen_resources.warehouse.warehouse import Warehouse, frame_of
from nextgen_resources.warehouse.writing import refuse_changed, refuse_overtaken, write

_KEY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class WarehouseIOManager(dg.IOManager):
    """Stores what assets return in their tables and reads it back.

    An asset returns one frame (Polars, Arrow or pandas) for the table of its name, or a mapping
    from table name to frame when it owns several. A partition, a range of partitions or the whole
    table is one slice and one transaction. Inputs are handed out in the library that the parameter
    is annotated with.

    Parameters
    ----------
    warehouse : Warehouse
        Where the tables are.
    scenario_id : str
        Whose rows a ledger write replaces.
    """

    def __init__(self, warehouse: Warehouse, scenario_id: str, clock: Clock | None = None) -> None:
        self._warehouse = warehouse
        self._scenario_id = scenario_id
        self._clock = clock or SystemClock()

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Write the frames of one asset in one transaction."""
        asset = context.asset_key.path[-1]
        bases = {asset: obj.read} if isinstance(obj, BasedOn) else {}
        given = {asset: obj.frame, **obj.beside} if isinstance(obj, BasedOn) else obj
        marks = obj.marks if isinstance(obj, Continued) else ()
        given = obj.frames if isinstance(obj, Continued) else given
        frames = self._frames(asset, given)
        cut = self._slice(context)
        started = time.perf_counter()
        with self._warehouse.transaction() as connection:
            tables = tables_in(connection)
            _ask_again_if_overtaken(connection, asset, marks)
            counts = {}
            for name, frame in frames.items():
                spec = TABLES[name]
                sliced = cut if spec.slice_column else None
                if name in bases:
                    _ask_again_if_changed(connection, name, bases[name])
                prepared = prepare(frame, tables[name], spec, sliced, context.run_id)
                try:
                    counts[name] = write(connection, prepared, tables[name], spec, sliced, self._clock.now())
                except (duckdb.IntegrityError, duckdb.DataError) as error:
                    raise SliceError(
                        f"{name} {sliced or 'whole table'}: the rows break a rule of the table; correct the "
                        f"asset that built them: {error}"
                    ) from error
        seconds = time.perf_counter() - started
        changed = sum(count.rows for count in counts.values())
        rows = {name: count.rows for name, count in counts.items()}
        context.log.info(f"{asset} {cut or 'whole table'}: {rows} in {seconds:.2f} s")
        context.add_output_metadata({"rows_written": changed, "write_seconds": round(seconds, 3)})
        self._tell_of_revisions(context, asset, cut, sum(count.revised for count in counts.values()))

    def _tell_of_revisions(
        self, context: dg.OutputContext, asset: str, cut: Slice | None, revised: int
    ) -> None:
        """An event on the asset's page when rows that were believed before were replaced."""
        if any(spec.mode is WriteMode.REVISE for spec in tables_of(asset)):
            context.add_output_metadata({"revised": revised})
        if revised:
            context.log.warning(f"{asset} {cut or 'whole table'}: {revised} rows differ from what was known")
            context.log_event(
                dg.AssetObservation(
                    context.asset_key,
                    partition=str(cut.first) if cut and cut.first == cut.last else None,
                    description=f"{revised} rows replaced an earlier version, which was kept.",
                    metadata={"revised": revised, "slice": str(cut or "whole table")},
                )
            )

    def load_input(self, context: dg.InputContext) -> Any:
        """The rows of the upstream asset in the partitions of this run, as the annotation wants them."""
        table = context.asset_key.path[-1]
        spec = TABLES.get(table)
        if spec is None:
            raise SliceError(f"{table} is not a table of the warehouse; it has {sorted(TABLES)}")
        wanted = context.dagster_type.typing_type
        conditions: list[str] = ["TRUE"]
        parameters: dict[str, Any] = {}
        if "scenario_id" in tables_of_record()[table].names:
            conditions.append("scenario_id = $scenario")
            parameters["scenario"] = self._scenario_id
        if context.has_asset_partitions and spec.slice_column:
            conditions.append(f'"{spec.slice_column}" BETWEEN $first AND $last')
            cut = self._slice(context) if context.asset_partition_keys else None
            parameters |= {"first": cut and cut.first, "last": cut and cut.last}  # null selects nothing
        sql = f'SELECT * FROM "{table}" WHERE {" AND ".join(conditions)}'
        with self._warehouse._connection(exclusive=False) as connection:
            frame = frame_of(connection, f"{sql} ORDER BY ALL", parameters)
        return as_annotated(frame, wanted)

    def _frames(self, asset: str, obj: Any) -> dict[str, pl.DataFrame]:
        specs = {spec.name: spec for spec in tables_of(asset)}
        given: Mapping[str, Any] = obj if isinstance(obj, Mapping) else {asset: obj}
        if foreign := sorted(set(given) - set(specs)):
            raise SliceError(f"{asset} returned frames for {foreign}; it owns {sorted(specs)}")
        if asset not in given:
            raise SliceError(
                f"{asset} returned frames for {sorted(given)}; one for {asset} itself must be among them"
            )
        return {name: as_polars(name, frame) for name, frame in given.items()}

    def _slice(self, context: dg.OutputContext | dg.InputContext) -> Slice | None:
        if not context.has_asset_partitions:
            return None
        keys = context.asset_partition_key_range
        validated_key(keys.start)
        validated_key(keys.end)
        window = context.asset_partitions_time_window
        return Slice(window.start.date(), (window.end - timedelta(hours=12)).date(), self._scenario_id)


def _ask_again_if_changed(connection: duckdb.DuckDBPyConnection, table: str, read: pl.DataFrame) -> None:
    """Have the step run again where another run has written since it read ``table``."""
    try:
        refuse_changed(connection, table, read)
    except StaleReadError as error:
        raise dg.RetryRequested(max_retries=5, seconds_to_wait=0.1) from error


def _ask_again_if_overtaken(
    connection: duckdb.DuckDBPyConnection, asset: str, marks: tuple[Mark, ...]
) -> None:
    """Have the step run again where what it continues from is no longer what it read."""
    try:
        refuse_overtaken(connection, asset, marks)
    except StaleReadError as error:
        raise dg.RetryRequested(max_retries=5, seconds_to_wait=0.1) from error


def validated_key(key: str) -> date:
    """The day that a partition key names.

    Raises
    ------
    PartitionKeyError
        If it is anything but an ISO date.
    """
    if not _KEY.fullmatch(key):
        raise PartitionKeyError(
            f"partition key {key[:40]!r} is not a date like 2013-03-01; nothing was read or written: "
            "name a session of the exchange"
        )
    try:
        return date.fromisoformat(key)
    except ValueError as error:
        raise PartitionKeyError(
            f"partition key {key!r} is not a day of the calendar ({error}); name a session of the exchange"
        ) from error


def as_polars(table: str, frame: Any) -> pl.DataFrame:
    """A Polars frame from Polars, Arrow or pandas.

    Raises
    ------
    SliceError
        If it is none of these.
    """
    if isinstance(frame, pl.DataFrame):
        return frame
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    module = type(frame).__module__.partition(".")[0]
    if module == "pyarrow":
        return pl.DataFrame(pl.from_arrow(frame))
    if module == "pandas":
        return pl.DataFrame(pl.from_pandas(frame))
    raise SliceError(
        f"{table}: expected a Polars, Arrow or pandas table, found {type(frame).__name__}; "
        "return one of these"
    )


def as_annotated(frame: pl.DataFrame, wanted: Any) -> Any:
    """``frame`` in the library of the annotation; Polars when there is none."""
    if wanted is pl.LazyFrame:
        return frame.lazy()
    module = getattr(wanted, "__module__", "").partition(".")[0]
    if module == "pyarrow":
        return frame.to_arrow()
    if module == "pandas":
        return frame.to_pandas()
    return frame


__all__ = ["TableSpec", "WarehouseIOManager", "as_annotated", "as_polars", "validated_key"]
