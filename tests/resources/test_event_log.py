"""The batched event log holds what the stock one would hold, row for row, and answers the same."""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import dagster as dg
import pytest
from dagster._core.definitions.partitions.partition_key_range import PartitionKeyRange
from dagster._core.events import AssetMaterializationPlannedData, DagsterEventType
from dagster._core.storage.event_log import SqliteEventLogStorage

from nextgen_resources.event_log import BatchedSqliteEventLogStorage
from nextgen_resources.event_rows import rows_of

SESSIONS = dg.DailyPartitionsDefinition("2005-01-01", end_date="2005-04-01")
FIRST, LAST = "2005-01-03", "2005-03-03"
KEYS = list(SESSIONS.get_partition_keys_in_range(PartitionKeyRange(FIRST, LAST)))
PRICES, SCORES = dg.AssetKey("prices"), dg.AssetKey("scores")
TABLES = ("event_logs", "asset_keys", "asset_event_tags")


@dg.asset(partitions_def=SESSIONS, backfill_policy=dg.BackfillPolicy.single_run(), code_version="7")
def prices(context: dg.AssetExecutionContext):
    """Says something else about every partition."""
    for number, key in enumerate(context.partition_keys):
        context.add_asset_metadata({"rows": number}, asset_key="prices", partition_key=key)
    return dg.MaterializeResult(metadata={"source": "recorded"}, tags={"quality": "good"})


@dg.asset(deps=[prices], partitions_def=SESSIONS, backfill_policy=dg.BackfillPolicy.single_run())
def scores(context: dg.AssetExecutionContext):
    """Observes before it materialises."""
    context.log_event(dg.AssetObservation("prices", partition=context.partition_keys[0]))
    return dg.MaterializeResult()


@dg.asset_check(asset=prices)
def prices_are_positive():
    return dg.AssetCheckResult(passed=True)


class Run(NamedTuple):
    """A run over sixty sessions, the instance that keeps it and its folder."""

    instance: dg.DagsterInstance
    run_id: str
    folder: Path
    batches: list[int]


@contextmanager
def _run_with(folder: Path, storage: type[SqliteEventLogStorage]) -> Iterator[Run]:
    configured = {
        "module": storage.__module__,
        "class": storage.__name__,
        "config": {"base_dir": str(folder)},
    }
    batches: list[int] = []
    store = storage.store_event_batch

    def counted(self: SqliteEventLogStorage, events: Any) -> None:
        batches.append(len(events))
        store(self, events)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_EVENT_BATCH_SIZE", "2000" if storage is BatchedSqliteEventLogStorage else "0")
        patch.setattr(storage, "store_event_batch", counted)
        with dg.instance_for_test(
            overrides={"event_log_storage": configured}, temp_dir=str(folder.parent)
        ) as instance:
            definitions = dg.Definitions([prices, scores], asset_checks=[prices_are_positive])
            job = definitions.resolve_implicit_global_asset_job_def()
            tags = {"dagster/asset_partition_range_start": FIRST, "dagster/asset_partition_range_end": LAST}
            result = job.execute_in_process(instance=instance, tags=tags)
            yield Run(instance, result.run_id, folder, batches)


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Iterator[tuple[Run, Run]]:
    """The same run kept by the stock storage and by ours."""
    stock_home, our_home = tmp_path_factory.mktemp("stock"), tmp_path_factory.mktemp("ours")
    with (
        _run_with(stock_home / "runs", SqliteEventLogStorage) as stock,
        _run_with(our_home / "runs", BatchedSqliteEventLogStorage) as ours,
    ):
        yield stock, ours


def _both(runs: tuple[Run, Run], ask) -> Any:
    stock, ours = (ask(run) for run in runs)
    assert ours == stock
    return ours


def test_ranged_run_writes_its_asset_events_in_batches(runs) -> None:
    stock, ours = runs
    assert stock.batches == []
    assert len(KEYS) == 60
    assert {60} <= set(ours.batches)
    assert len(ours.batches) <= 6


def test_materialised_partitions_are_those_of_the_stock_storage(runs) -> None:
    for key in (PRICES, SCORES):
        found = _both(runs, lambda run, key=key: sorted(run.instance.get_materialized_partitions(key)))
        assert found == KEYS


def test_status_of_every_partition_is_that_of_the_stock_storage(runs) -> None:
    statuses = _both(
        runs, lambda run: run.instance.get_status_by_partition(PRICES, [*KEYS, "2005-03-04"], SESSIONS)
    )
    assert {str(status) for key, status in statuses.items() if key in KEYS} == {
        "AssetPartitionStatus.MATERIALIZED"
    }
    assert statuses["2005-03-04"] is None


def test_latest_materialisation_is_that_of_the_stock_storage(runs) -> None:
    def latest(run: Run) -> tuple[Any, ...]:
        event = run.instance.get_latest_materialization_event(PRICES)
        said = event.asset_materialization
        return said.partition, said.metadata, said.tags["quality"], event.run_id == run.run_id

    assert _both(runs, latest)[0] == LAST


def test_latest_storage_id_of_every_partition_ascends_as_in_the_stock_storage(runs) -> None:
    def order(run: Run) -> list[str]:
        ids = run.instance.event_log_storage.get_latest_storage_id_by_partition(
            PRICES, DagsterEventType.ASSET_MATERIALIZATION
        )
        return sorted(ids, key=ids.__getitem__)

    assert _both(runs, order) == KEYS


@pytest.mark.parametrize(
    "kind",
    [
        DagsterEventType.ASSET_MATERIALIZATION,
        DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
        DagsterEventType.ASSET_OBSERVATION,
    ],
)
def test_event_records_are_those_of_the_stock_storage(runs, kind) -> None:
    def records(run: Run) -> list[tuple[Any, ...]]:
        found = run.instance.event_log_storage.get_event_records(
            dg.EventRecordsFilter(kind, asset_key=PRICES), ascending=True
        )
        return [
            (record.event_log_entry.dagster_event.partition, record.event_log_entry.dagster_event.message)
            for record in found
        ]

    expected = 1 if kind is DagsterEventType.ASSET_OBSERVATION else len(KEYS)
    assert len(_both(runs, records)) == expected


def test_metadata_of_every_partition_are_its_own(runs) -> None:
    def metadata(run: Run) -> list[tuple[Any, ...]]:
        found = run.instance.fetch_materializations(PRICES, limit=1000, ascending=True).records
        said = [record.asset_materialization for record in found]
        return [(each.partition, each.metadata["rows"].value, each.metadata["source"].value) for each in said]

    assert _both(runs, metadata) == [(key, number, "recorded") for number, key in enumerate(KEYS)]


def test_event_tags_are_those_of_the_stock_storage(runs) -> None:
    def tags(run: Run) -> list[list[str]]:
        return [sorted(each) for each in run.instance.get_event_tags_for_asset(PRICES)]

    found = _both(runs, tags)
    assert len(found) == len(KEYS)
    assert all("dagster/data_version" in each for each in found)


def test_log_of_the_run_has_the_same_events_in_the_same_order(runs) -> None:
    def log(run: Run) -> list[tuple[Any, ...]]:
        entries = [entry for entry in run.instance.all_logs(run.run_id) if entry.is_dagster_event]
        return [
            (entry.dagster_event_type, entry.step_key, entry.dagster_event.partition) for entry in entries
        ]

    assert len(_both(runs, log)) > 4 * len(KEYS)


def test_check_of_the_run_has_passed_in_both(runs) -> None:
    def check(run: Run) -> list[str]:
        found = run.instance.event_log_storage.get_asset_check_execution_history(
            prices_are_positive.check_key, limit=1000
        )
        return sorted(
            {record.status.value for record in found if record.event and record.status.value == "SUCCEEDED"}
        )

    assert _both(runs, check) == ["SUCCEEDED"]


def test_check_without_partitions_has_one_row_and_it_is_settled(runs) -> None:
    _, ours = runs
    with sqlite3.connect(ours.folder / "index.db") as index:
        found = index.execute(
            "SELECT check_name, partition, execution_status FROM asset_check_executions"
        ).fetchall()
    assert found == [("prices_are_positive", None, "SUCCEEDED")]


# --- the storage by itself, fed with the log of a real run


def _rows(folder: Path, shard: str) -> dict[str, list[tuple[Any, ...]]]:
    with sqlite3.connect(folder / f"{shard}.db") as connection:
        return {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}


def _without_times(rows: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[tuple[Any, ...]]]:
    return {
        table: [
            tuple(value for value in row if not (isinstance(value, str) and value[:3] == "202"))
            for row in found
        ]
        for table, found in rows.items()
    }


def test_batch_of_mixed_events_leaves_the_rows_of_one_by_one_storing(runs, tmp_path) -> None:
    stock, _ = runs
    events = stock.instance.all_logs(stock.run_id)
    one_by_one = SqliteEventLogStorage(str(tmp_path / "stock"))
    batched = BatchedSqliteEventLogStorage(str(tmp_path / "ours"))
    for event in events:
        one_by_one.store_event(event)
    batched.store_event_batch(events)
    for shard in (stock.run_id, "index"):
        ours, theirs = (_without_times(_rows(tmp_path / name, shard)) for name in ("ours", "stock"))
        assert ours == theirs
        assert len(ours["event_logs"]) > 100
    assert len(_rows(tmp_path / "ours", "index")["asset_event_tags"]) >= len(KEYS)


def test_single_events_are_stored_as_ever(runs, tmp_path) -> None:
    stock, _ = runs
    storage = BatchedSqliteEventLogStorage(str(tmp_path))
    events = stock.instance.all_logs(stock.run_id)
    for event in events[:40]:
        storage.store_event(event)
    assert [entry.message for entry in storage.get_logs_for_run(stock.run_id)] == [
        e.message for e in events[:40]
    ]


def test_batch_of_two_runs_goes_to_the_log_of_each(runs, tmp_path) -> None:
    stock, _ = runs
    event = next(
        e
        for e in stock.instance.all_logs(stock.run_id)
        if e.dagster_event_type == DagsterEventType.ASSET_MATERIALIZATION
    )
    storage = BatchedSqliteEventLogStorage(str(tmp_path))
    storage.store_event_batch([event, event._replace(run_id="other"), event])
    assert len(storage.get_logs_for_run(stock.run_id)) == 2
    assert len(storage.get_logs_for_run("other")) == 1
    assert len(_rows(tmp_path, "index")["event_logs"]) == 3


def test_batch_that_fails_in_the_index_leaves_nothing_to_be_doubled(runs, tmp_path, monkeypatch) -> None:
    stock, _ = runs
    planned = DagsterEventType.ASSET_MATERIALIZATION_PLANNED
    events = [e for e in stock.instance.all_logs(stock.run_id) if e.dagster_event_type == planned]
    storage = BatchedSqliteEventLogStorage(str(tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr(
            storage, "_store_asset_event", lambda *_: (_ for _ in ()).throw(OSError("disk is full"))
        )
        with pytest.raises(OSError, match="disk is full"):
            storage.store_event_batch(events)
    assert storage.get_logs_for_run(stock.run_id) == []
    assert _rows(tmp_path, "index")["event_logs"] == []
    storage.store_event_batch(events)
    assert len(storage.get_logs_for_run(stock.run_id)) == len(events)


def test_wiped_storage_is_used_again(runs, tmp_path) -> None:
    stock, _ = runs
    storage = BatchedSqliteEventLogStorage(str(tmp_path))
    events = stock.instance.all_logs(stock.run_id)[:5]
    storage.store_event_batch(events)
    storage.wipe()
    assert storage.get_logs_for_run(stock.run_id) == []
    storage.store_event_batch(events)
    assert len(storage.get_logs_for_run(stock.run_id)) == 5


def test_many_runs_do_not_keep_an_engine_each(tmp_path) -> None:
    storage = BatchedSqliteEventLogStorage(str(tmp_path))
    for number in range(20):
        assert storage.get_logs_for_run(f"run-{number}") == []
    assert len(storage._engines) <= 16


def test_size_of_a_batch_is_set_by_importing_the_storage() -> None:
    assert int(os.environ["DAGSTER_EVENT_BATCH_SIZE"]) > 0


# --- long ranges: planned once, written once, condensed in the log of the run

LONG = dg.DailyPartitionsDefinition("2004-01-01", end_date="2005-01-01")
LONG_KEYS = list(LONG.get_partition_keys())


@dg.asset(partitions_def=LONG, backfill_policy=dg.BackfillPolicy.single_run())
def levels(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """Says more of the last partition than of the others, and fails when told."""
    context.add_asset_metadata(
        {"preview": 'has "partition": "2004-01-01" in it'}, partition_key=LONG_KEYS[-1]
    )
    if context.run.tags.get("fails"):
        raise ValueError("as told")
    return dg.MaterializeResult(metadata={"rows": 366})


class LongRun(NamedTuple):
    """What a run over a leap year left, once its instance is closed."""

    run_id: str
    folder: Path
    statuses: Any


def _long_run(folder: Path, **tags: str) -> LongRun:
    configured = {
        "module": BatchedSqliteEventLogStorage.__module__,
        "class": "BatchedSqliteEventLogStorage",
        "config": {"base_dir": str(folder / "runs")},
    }
    with dg.instance_for_test(overrides={"event_log_storage": configured}, temp_dir=str(folder)) as instance:
        job = dg.Definitions([levels]).resolve_implicit_global_asset_job_def()
        bounds = {
            "dagster/asset_partition_range_start": LONG_KEYS[0],
            "dagster/asset_partition_range_end": LONG_KEYS[-1],
        }
        result = job.execute_in_process(instance=instance, tags=bounds | tags, raise_on_error=False)
        return LongRun(
            result.run_id, folder / "runs", instance.get_status_by_partition(levels.key, LONG_KEYS, LONG)
        )


@pytest.fixture(scope="module")
def long_run(tmp_path_factory) -> LongRun:
    """A run that succeeds."""
    return _long_run(tmp_path_factory.mktemp("long"))


def _events(folder: Path, shard: str, kind: str) -> list[tuple[str, dict[str, Any]]]:
    with sqlite3.connect(folder / f"{shard}.db") as connection:
        found = connection.execute(
            "SELECT partition, event FROM event_logs WHERE dagster_event_type = ? ORDER BY id", [kind]
        ).fetchall()
    return [(partition, json.loads(event)) for partition, event in found]


@pytest.mark.parametrize("kind", ["ASSET_MATERIALIZATION", "ASSET_MATERIALIZATION_PLANNED"])
def test_index_has_a_row_of_its_own_for_every_partition_of_a_long_range(long_run, kind) -> None:
    found = _events(long_run.folder, "index", kind)
    assert [partition for partition, _ in found] == LONG_KEYS
    said = [event["dagster_event"]["event_specific_data"] for _, event in found]
    assert [(each.get("materialization") or each)["partition"] for each in said] == LONG_KEYS


def test_metadata_of_the_last_partition_stay_with_it(long_run) -> None:
    found = _events(long_run.folder, "index", "ASSET_MATERIALIZATION")
    labels = [
        {
            entry["label"]
            for entry in event["dagster_event"]["event_specific_data"]["materialization"]["metadata_entries"]
        }
        for _, event in found
    ]
    assert all(each == {"rows"} for each in labels[:-1])
    assert labels[-1] == {"rows", "preview"}


@pytest.mark.parametrize("kind", ["ASSET_MATERIALIZATION", "ASSET_MATERIALIZATION_PLANNED"])
def test_log_of_a_long_run_names_the_last_partition_only(long_run, kind) -> None:
    found = _events(long_run.folder, long_run.run_id, kind)
    assert [partition for partition, _ in found] == LONG_KEYS[-1:]


def test_failed_long_run_shows_every_partition_as_failed(tmp_path) -> None:
    statuses = _long_run(tmp_path, fails="yes").statuses
    assert {str(status) for status in statuses.values()} == {"AssetPartitionStatus.FAILED"}
    assert len(statuses) == 366


def test_row_from_the_pattern_is_the_row_of_the_event_to_the_byte(runs) -> None:
    stock, _ = runs
    storage = stock.instance.event_log_storage
    events = [
        e for e in stock.instance.all_logs(stock.run_id) if e.dagster_event and e.dagster_event.asset_key
    ]
    rows = rows_of(events, storage._event_to_row, storage._event_insert_timestamp)
    assert rows == [storage._event_to_row(event) for event in events]
    assert len(rows) > 2 * len(KEYS)


def test_new_files_have_large_pages(long_run) -> None:
    for shard in ("index", long_run.run_id):
        with sqlite3.connect(long_run.folder / f"{shard}.db") as connection:
            assert connection.execute("PRAGMA page_size").fetchone() == (16_384,)


def test_event_that_plans_a_range_without_partitions_is_dropped(runs, tmp_path) -> None:
    stock, _ = runs
    kind = DagsterEventType.ASSET_MATERIALIZATION_PLANNED
    event = next(e for e in stock.instance.all_logs(stock.run_id) if e.dagster_event_type == kind)
    nothing = AssetMaterializationPlannedData(PRICES, partitions_subset=SESSIONS.empty_subset())
    planned = event._replace(dagster_event=event.dagster_event._replace(event_specific_data=nothing))
    storage = BatchedSqliteEventLogStorage(str(tmp_path))
    storage.store_event(planned)
    storage.store_event_batch([planned, event])
    assert len(storage.get_logs_for_run(stock.run_id)) == 1
    assert len(_rows(tmp_path, "index")["event_logs"]) == 1
