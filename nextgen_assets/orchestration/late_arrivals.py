"""What comes late: files dropped into a folder, and bars, actions and articles of the last sessions."""

import hashlib
import json
from datetime import timedelta
from pathlib import Path

import dagster as dg
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

from nextgen_assets.orchestration.jobs import import_ticks, revisit_recent
from nextgen_assets.partitions import SESSIONS, calendar_of
from nextgen_resources.clock import Clock
from nextgen_resources.settings.schema import Settings

_MOST_FILES = 100_000


@dg.schedule(
    job=revisit_recent,
    cron_schedule="0 10 * * *",
    execution_timezone="UTC",
    description="Every morning in New York: asks again for the raw rows of the last scheduler.revisited_sessions "
    "sessions; what came late or was corrected is known from then on.",
)
def revisit_each_morning(
    context: dg.ScheduleEvaluationContext, settings: dg.ResourceParam[Settings]
) -> dg.RunRequest | dg.SkipReason:
    """Ask again for the raw rows of the last sessions."""
    count = settings.scheduler.revisited_sessions
    if not count:
        return dg.SkipReason("scheduler.revisited_sessions is 0")
    moment = context.scheduled_execution_time
    calendar, last_set = calendar_of(settings), settings.ingestion.last_session
    newest = calendar.on_or_before(moment.date() - timedelta(days=1))
    if last_set is not None and newest > last_set:
        return dg.SkipReason(f"ingestion.last_session {last_set} has long passed")
    first = max(calendar.shift(newest, 1 - count), settings.ingestion.first_session)
    return dg.RunRequest(
        run_key=f"{moment.date()}",
        tags={
            ASSET_PARTITION_RANGE_START_TAG: first.isoformat(),
            ASSET_PARTITION_RANGE_END_TAG: newest.isoformat(),
        },
    )


@dg.sensor(
    name="new_files",
    job=import_ticks,
    minimum_interval_seconds=60,
    description="Starts import_ticks when the files of intraday.folder have changed and then stood still for a minute.",
)
def new_files(
    context: dg.SensorEvaluationContext,
    settings: dg.ResourceParam[Settings],
    clock: dg.ResourceParam[Clock],
) -> dg.RunRequest | dg.SkipReason:
    """Import when the files of the folder have changed and stood still since the tick before.

    Notes
    -----
    The cursor holds what was seen at the last tick and what was imported last, as digests of names, sizes and times
    of change. A file that is being copied changes between two ticks and is waited for.
    """
    folder = settings.intraday.folder
    if folder is None:
        return dg.SkipReason("intraday.folder is not set")
    if not folder.is_dir():
        return dg.SkipReason(f"intraday.folder {folder} is no folder")
    memory = json.loads(context.cursor) if context.cursor else {}
    seen, count = _digest(folder)
    context.update_cursor(json.dumps({"seen": seen, "imported": memory.get("imported")}))
    if count == 0:
        return dg.SkipReason(f"{folder} holds no file")
    if seen == memory.get("imported"):
        return dg.SkipReason(f"the {count} files of {folder} are imported")
    if seen != memory.get("seen"):
        return dg.SkipReason(
            f"the {count} files of {folder} have just changed; imported when they stand still"
        )
    keys = SESSIONS.get_partition_keys(current_time=clock.now())
    context.update_cursor(json.dumps({"seen": seen, "imported": seen}))
    return dg.RunRequest(
        run_key=seen,
        tags={ASSET_PARTITION_RANGE_START_TAG: keys[0], ASSET_PARTITION_RANGE_END_TAG: keys[-1]},
    )


def _digest(folder: Path) -> tuple[str, int]:
    """Hash of the names, sizes and times of change of the files, and how many there are."""
    entries = []
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        state = path.stat()
        entries.append(f"{path.relative_to(folder)}\0{state.st_size}\0{state.st_mtime_ns}")
        if len(entries) > _MOST_FILES:
            break
    return hashlib.sha256("\n".join(entries).encode()).hexdigest()[:32], len(entries)
