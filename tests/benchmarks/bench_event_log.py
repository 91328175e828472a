"""Seconds of a ranged run with Dagster's SQLite event log and with ours.

``python -m tests.benchmarks.bench_event_log [partitions] [repeats]``: two assets, one run over all
partitions (500 unless told), the two storages in turn; prints the medians and their ratio.
"""

import logging
import statistics
import sys
import tempfile
import time
import warnings

import dagster as dg
import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage

from nextgen_resources.event_log import BatchedSqliteEventLogStorage


def _assets(partitions: int) -> tuple[list[dg.AssetsDefinition], dg.StaticPartitionsDefinition]:
    keys = dg.StaticPartitionsDefinition([f"{number:05d}" for number in range(partitions)])

    def one(name: str, deps: list[str]) -> dg.AssetsDefinition:
        @dg.asset(name=name, deps=deps, partitions_def=keys, backfill_policy=dg.BackfillPolicy.single_run())
        def build() -> dg.MaterializeResult:
            return dg.MaterializeResult(metadata={"rows_written": 7})

        return build

    return [one("prices", []), one("scores", ["prices"])], keys


def seconds_of_a_run(storage: type[SqliteEventLogStorage], partitions: int) -> float:
    """Wall-clock seconds of one run of two assets over all partitions, on a fresh instance."""
    assets, keys = _assets(partitions)
    bounds = keys.get_first_partition_key(), keys.get_last_partition_key()
    tags = dict(
        zip(("dagster/asset_partition_range_start", "dagster/asset_partition_range_end"), bounds, strict=True)
    )
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setenv("DAGSTER_EVENT_BATCH_SIZE", "2000" if storage is BatchedSqliteEventLogStorage else "0")
        configured = {"module": storage.__module__, "class": storage.__name__, "config": {"base_dir": folder}}
        with dg.instance_for_test(overrides={"event_log_storage": configured}) as instance:
            job = dg.Definitions(assets).resolve_implicit_global_asset_job_def()
            started = time.perf_counter()
            assert job.execute_in_process(instance=instance, tags=tags).success
            seconds = time.perf_counter() - started
            assert len(instance.get_materialized_partitions(dg.AssetKey("scores"))) == partitions
    return seconds


def main(partitions: int = 500, repeats: int = 3) -> None:
    """Run both in turn and print what they took."""
    warnings.simplefilter("ignore")
    logging.disable(logging.INFO)
    storages = {"stock": SqliteEventLogStorage, "batched": BatchedSqliteEventLogStorage}
    taken: dict[str, list[float]] = {name: [] for name in storages}
    for _ in range(repeats):
        for name, storage in storages.items():
            taken[name].append(seconds_of_a_run(storage, partitions))
    medians = {name: statistics.median(seconds) for name, seconds in taken.items()}
    for name, seconds in taken.items():
        print(f"{name:8s} {medians[name]:7.2f} s  ({', '.join(f'{each:.2f}' for each in seconds)})")
    ratio = medians["stock"] / medians["batched"]
    print(f"ratio    {ratio:7.1f}  (2 assets x {partitions} partitions, one run)")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
