"""Dagster's SQLite event log, with the events of a ranged run written in batches.

The stock storage opens two engines and compiles its statements anew for every event: 25 ms an
event, and a run over 3,270 sessions of one asset writes 6,540 of them. This one keeps an engine per
file and writes a batch in two transactions; a range is planned in one event and spread over its
partitions here. The schema, the index and every read are the stock ones; a run's own log names the last
partition of a long batch only.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from dagster import EventLogEntry, Field, StringSource
from dagster._core.events import ASSET_EVENTS
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData, serialize_value
from sqlalchemy.pool import NullPool

from nextgen_resources.errors import SettingsError
from nextgen_resources.event_rows import (
    Row,
    condensed,
    planned_partitions,
    planned_rows,
    plans_nothing,
    rows_of,
)

# Dagster collects batchable events only when this is set; a user's own value is respected.
os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "2000")

_MOST_ENGINES = 16
_PAGE_BYTES = 16_384


class BatchedSqliteEventLogStorage(SqliteEventLogStorage):
    """SQLite event log that stores a batch of asset events in one transaction per file."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: dict[str, sa.Engine] = {}
        super().__init__(base_dir, inst_data)

    @classmethod
    def config_type(cls) -> dict[str, Field]:
        """``base_dir`` may be left out: it is where the stock storage would be."""
        return {"base_dir": Field(StringSource, is_required=False)}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> BatchedSqliteEventLogStorage:
        """Made from ``event_log_storage`` in dagster.yaml."""
        base_dir, home = config_value.get("base_dir"), os.environ.get("DAGSTER_HOME")
        if base_dir is None and home is None:
            raise SettingsError(
                "the event log has no folder: set DAGSTER_HOME, or event_log_storage.config.base_dir in dagster.yaml"
            )
        return cls(base_dir or os.path.join(str(home), "history", "runs"), inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sa.Connection]:
        with self._db_lock, self._engine(shard).begin() as connection:
            yield connection

    def _initdb(self, engine: sa.Engine, for_index_shard: bool = False) -> None:
        # A new file gets large pages: an event of 2.2 KB wastes half of one of 4 KB.
        sa.event.listen(engine, "connect", _ask_for_large_pages)
        super()._initdb(engine, for_index_shard)
        sa.event.remove(engine, "connect", _ask_for_large_pages)

    def _engine(self, shard: str) -> sa.Engine:
        engine = self._engines.pop(shard, None)
        if engine is None:
            engine = sa.create_engine(
                self.conn_string_for_shard(shard),
                poolclass=NullPool,
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS},
            )
        self._engines[shard] = engine
        if len(self._engines) > _MOST_ENGINES:
            del self._engines[next(iter(self._engines))]
        if shard not in self._initialized_dbs:
            self._initdb(engine)
            self._initialized_dbs.add(shard)
        return engine

    @property
    def supports_partition_subset_in_asset_materialization_planned_events(self) -> bool:
        """Dagster plans a range of partitions in one event, which is spread over them when it is stored."""
        return True

    def store_event(self, event: EventLogEntry) -> None:
        """Store an event; one that plans a range of partitions as if each had been planned by itself."""
        if planned_partitions(event) is None:
            super().store_event(event)
        else:
            self._store_asset_events(event.run_id, [event])

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events in order; neighbours about assets of one run together, in one transaction per file."""
        for (run_id, are_about_assets), neighbours in groupby(events, _batch_of):
            if are_about_assets:
                self._store_asset_events(run_id, list(neighbours))
            else:
                for event in neighbours:
                    self.store_event(event)

    def _store_asset_events(self, run_id: str, events: Sequence[EventLogEntry]) -> None:
        events = [event for event in events if not plans_nothing(event)]
        if not events:
            return
        rows = self._rows_by_event(events)
        insert = SqlEventLogStorageTable.insert()
        # Both files in one block: a failure in one leaves nothing in the other, because Dagster
        # stores the whole batch again, event by event, when a batch fails.
        with (
            self._db_lock,
            self._engine(run_id).begin() as run_log,
            self._engine(INDEX_SHARD_NAME).begin() as index,
        ):
            run_log.execute(insert, condensed([row for of_event in rows for row in of_event]))
            returning = insert.returning(SqlEventLogStorageTable.c.id, sort_by_parameter_order=True)
            stored = index.execute(returning, [row for of_event in rows for row in of_event]).scalars()
            ids = [[next(stored) for _ in of_event][-1] for of_event in rows]
            self._store_asset_event_tags(index, events, ids)
            newest: dict[tuple[object, object], tuple[EventLogEntry, int]] = {}
            for event, event_id in zip(events, ids, strict=True):
                of_kind = (event.get_dagster_event().asset_key, event.dagster_event_type)
                newest.pop(of_kind, None)
                newest[of_kind] = (event, event_id)
            for event, event_id in newest.values():
                self._store_asset_event(index, event, event_id)

    def _rows_by_event(self, events: Sequence[EventLogEntry]) -> list[list[Row]]:
        """The rows of each event: one, or one per partition where it plans many."""
        subsets = [planned_partitions(event) for event in events]
        single = [event for event, subset in zip(events, subsets, strict=True) if subset is None]
        rows = iter(rows_of(single, self._event_to_row, self._event_insert_timestamp))
        spread, known, keys = [], None, list[str]()
        for event, subset in zip(events, subsets, strict=True):
            if subset is None:
                spread.append([next(rows)])
                continue
            if subset != known:  # the assets of a run share their partitions
                known, keys = subset, list(subset.get_partition_keys())
            spread.append(
                planned_rows(event, keys, self._event_to_row) if keys else [self._event_to_row(event)]
            )
        return spread

    def _store_asset_check_evaluation_planned(self, event: EventLogEntry, event_id: int | None) -> None:
        """One planned row for a check that has no partitions of its own.

        The stock storage writes one for every partition of the run, each with the whole event (46 MB a
        check over 3,270 sessions), and the evaluation, which names no partition, never settles them.
        """
        planned = event.get_dagster_event().asset_check_planned_data
        row = {
            "asset_key": planned.asset_key.to_string(),
            "check_name": planned.check_name,
            "partition": None,
            "run_id": event.run_id,
            "execution_status": AssetCheckExecutionRecordStatus.PLANNED.value,
            "evaluation_event": serialize_value(event),
            "evaluation_event_timestamp": self._event_insert_timestamp(event),  # type: ignore[no-untyped-call]
            "evaluation_event_storage_id": event_id,
        }
        with self.index_connection() as connection:
            connection.execute(AssetCheckExecutionsTable.insert().values(row))


def _ask_for_large_pages(connection: Any, _: object) -> None:
    connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")


def _batch_of(event: EventLogEntry) -> tuple[str, bool]:
    return event.run_id, event.is_dagster_event and event.dagster_event_type in ASSET_EVENTS
