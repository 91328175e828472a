"""Events of many partitions as rows of the event log, each kind of event serialised once.

A ranged run says the same of thousands of partitions. Dagster turns each of these events into JSON by
itself, 0.4 ms an event; here the JSON of the first is the pattern of the others.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from dagster import AssetMaterialization, EventLogEntry
from dagster._core.definitions.partitions.subset import PartitionsSubset
from dagster._core.events import AssetMaterializationPlannedData, DagsterEvent, StepMaterializationData

Row = dict[str, Any]
_LONGEST_IN_RUN_LOG = 100


def rows_of(
    events: Sequence[EventLogEntry],
    to_row: Callable[[EventLogEntry], Row],
    to_time: Callable[[EventLogEntry], Any],
) -> list[Row]:
    """Rows of the events in order.

    Parameters
    ----------
    events : sequence of EventLogEntry
        Of one run.
    to_row, to_time : callable
        The row and the time of one event, as the stock storage makes them.

    Notes
    -----
    Every row has the bytes that ``to_row`` would give it: a pattern is used only for neighbours that are
    equal in everything but partition and time, and only where these stand in its JSON once.
    """
    rows: list[Row] = []
    pattern: _Pattern | None = None
    for event in events:
        if pattern is None or not pattern.fits(event):
            pattern = _Pattern(event, to_row(event))
            rows.append(pattern.row)
        else:
            rows.append(pattern.filled(event, to_time(event)))
    return rows


class _Pattern:
    """The row of one materialisation, cut where partition and time stand."""

    def __init__(self, event: EventLogEntry, row: Row) -> None:
        self.row = row
        self._event = event
        self._said = _materialization(event)
        self._pieces = (
            None if self._said is None else _cut(row["event"], self._said.partition, event.timestamp)
        )

    def fits(self, event: EventLogEntry) -> bool:
        said = _materialization(event)
        return (
            self._pieces is not None
            and self._said is not None
            and said is not None
            and said.partition is not None
            and _are_alike(self._said, said, {"partition"})
            and _are_alike(self._event, event, {"timestamp", "dagster_event"})
            and _are_alike(self._event.dagster_event, event.dagster_event, {"event_specific_data"})
        )

    def filled(self, event: EventLogEntry, time: Any) -> Row:
        said = _materialization(event)
        assert said is not None
        assert self._pieces is not None
        values = (_member("partition", said.partition), _member("timestamp", event.timestamp))
        head, middle, tail = self._pieces
        text = f"{head}{values[0]}{middle}{values[1]}{tail}"
        return self.row | {"event": text, "partition": said.partition, "timestamp": time}


def _materialization(event: EventLogEntry) -> AssetMaterialization | None:
    happened = event.dagster_event
    said = None if happened is None else happened.event_specific_data
    if not isinstance(said, StepMaterializationData) or said.asset_lineage:
        return None
    return said.materialization


def _are_alike(first: Any, second: Any, besides: set[str]) -> bool:
    """Whether two named tuples are equal but for some fields."""
    fields = zip(first._fields, first, second, strict=True)
    return all(one is two or one == two for name, one, two in fields if name not in besides)


def _member(name: str, value: object) -> str:
    return f'"{name}": {json.dumps(value)}'


def _cut(text: str, partition: str | None, timestamp: float) -> tuple[str, str, str] | None:
    """What stands before, between and after partition and time; None where that is not certain."""
    members = _member("partition", partition), _member("timestamp", timestamp)
    if partition is None or any(text.count(member) != 1 for member in members):
        return None
    head, _, rest = text.partition(members[0])
    middle, found, tail = rest.partition(members[1])
    return (head, middle, tail) if found else None


def planned_partitions(event: EventLogEntry) -> PartitionsSubset[str] | None:
    """The partitions that a planned event names as a whole; None for any other event."""
    said = event.dagster_event and event.dagster_event.event_specific_data
    return said.partitions_subset if isinstance(said, AssetMaterializationPlannedData) else None


def plans_nothing(event: EventLogEntry) -> bool:
    """Whether an event plans a range without partitions, such as one that runs backwards."""
    planned = planned_partitions(event)
    return planned is not None and planned.is_empty


def planned_rows(
    event: EventLogEntry, keys: Sequence[str], to_row: Callable[[EventLogEntry], Row]
) -> list[Row]:
    """One row per partition for an event that plans many, as if each had been planned by itself.

    Parameters
    ----------
    keys : sequence of str
        Its partitions, at least one.

    Notes
    -----
    Dagster asks these rows which partitions of a run that failed were not reached.
    """
    happened = event.dagster_event
    assert happened is not None
    assert happened.asset_key is not None
    single = AssetMaterializationPlannedData(happened.asset_key, partition=keys[0])
    first = to_row(event._replace(dagster_event=_with_data(happened, single)))
    member = _member("partition", keys[0])
    head, _, tail = first["event"].partition(member)
    return [first | {"event": f"{head}{_member('partition', key)}{tail}", "partition": key} for key in keys]


def _with_data(event: DagsterEvent, data: Any) -> DagsterEvent:
    changed: DagsterEvent = event._replace(event_specific_data=data)
    return changed


def condensed(rows: Sequence[Row]) -> list[Row]:
    """What a run's own log keeps of a batch: of more than a hundred events of an asset, the last.

    Notes
    -----
    The index, which answers every question about assets and partitions, keeps them all. The log of a run is
    what people read: 60,000 lines that say the same took 300 MB and minutes to show.
    """
    counts: dict[tuple[object, object], int] = {}
    for row in rows:
        counts[_subject(row)] = counts.get(_subject(row), 0) + 1
    remaining, kept = dict(counts), []
    for row in rows:
        remaining[_subject(row)] -= 1
        if counts[_subject(row)] <= _LONGEST_IN_RUN_LOG or remaining[_subject(row)] == 0:
            kept.append(row)
    return kept


def _subject(row: Row) -> tuple[object, object]:
    return row["asset_key"], row["dagster_event_type"]
