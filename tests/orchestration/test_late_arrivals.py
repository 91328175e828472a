"""Files are imported once they stand still, and again only when they change; the last sessions are revisited."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest

from nextgen_assets.domain.sessions import xnys
from nextgen_assets.orchestration.late_arrivals import new_files, revisit_each_morning
from nextgen_resources.clock import FrozenClock
from nextgen_resources.settings.loader import load_settings
from nextgen_resources.settings.schema import Settings

START, END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def settings_with(**changes: object) -> Settings:
    overrides = {key.replace("__", "."): value for key, value in changes.items()}
    return load_settings(environ={}, dotenv_path=Path(os.devnull), overrides=overrides)


class Ticks:
    """Evaluations of the sensor, one after another, with the cursor carried on."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.cursor: str | None = None

    def __call__(self) -> dg.RunRequest | str:
        resources = {"settings": self.settings, "clock": FrozenClock(datetime(2013, 1, 10, tzinfo=UTC))}
        with dg.build_sensor_context(cursor=self.cursor, resources=resources) as context:
            said = new_files(context)
            self.cursor = context.cursor
        assert isinstance(said, dg.RunRequest | dg.SkipReason)
        return said if isinstance(said, dg.RunRequest) else str(said.skip_message)


def test_files_are_imported_once_they_stand_still_and_again_when_they_change(tmp_path: Path) -> None:
    tick = Ticks(settings_with(intraday__folder=str(tmp_path)))
    assert "holds no file" in str(tick())
    (tmp_path / "a.csv").write_text("1,2\n")
    assert "have just changed" in str(tick())
    with (tmp_path / "a.csv").open("a") as still_copied:
        still_copied.write("3,4\n")
    assert "have just changed" in str(tick())
    first = tick()
    assert isinstance(first, dg.RunRequest)
    assert first.tags[START] == "2000-03-01"
    assert "are imported" in str(tick())
    (tmp_path / "b.csv").write_text("5,6\n")
    assert "have just changed" in str(tick())
    second = tick()
    assert isinstance(second, dg.RunRequest)
    assert second.run_key != first.run_key


def test_links_are_not_followed_and_no_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "outside.csv").write_text("secret")
    folder = tmp_path / "drop"
    folder.mkdir()
    (folder / "link.csv").symlink_to(tmp_path / "outside.csv")
    assert "holds no file" in str(Ticks(settings_with(intraday__folder=str(folder)))())
    assert "is not set" in str(Ticks(settings_with())())
    assert "is no folder" in str(Ticks(settings_with(intraday__folder=str(tmp_path / "none")))())


def revisit(moment: datetime, settings: Settings) -> dg.RunRequest | str:
    with dg.build_schedule_context(
        scheduled_execution_time=moment, resources={"settings": settings}
    ) as context:
        said = revisit_each_morning(context)
    assert isinstance(said, dg.RunRequest | dg.SkipReason)
    return said if isinstance(said, dg.RunRequest) else str(said.skip_message)


@pytest.mark.parametrize(
    ("morning", "first", "last"),
    [
        (date(2012, 11, 26), "2012-11-16", "2012-11-23"),  # a Monday after Thanksgiving and a half day
        (date(2012, 11, 24), "2012-11-16", "2012-11-23"),  # the Saturday
        (date(2012, 3, 12), "2012-03-05", "2012-03-09"),  # the day after the clocks went forward
        (date(2012, 10, 31), "2012-10-22", "2012-10-26"),  # after two days closed by a storm
    ],
)
def test_last_sessions_are_revisited_over_weekends_holidays_and_changes_of_clocks(
    morning: date, first: str, last: str
) -> None:
    settings = settings_with(ingestion__last_session=None)
    asked = revisit(datetime(morning.year, morning.month, morning.day, 10, tzinfo=UTC), settings)
    assert isinstance(asked, dg.RunRequest)
    assert (asked.tags[START], asked.tags[END], asked.run_key) == (first, last, morning.isoformat())
    assert len(xnys().between(date.fromisoformat(first), date.fromisoformat(last))) == 5


def test_ended_data_and_zero_sessions_are_not_revisited() -> None:
    moment = datetime(2026, 3, 2, 10, tzinfo=UTC)
    assert "has long passed" in str(revisit(moment, settings_with()))
    assert "is 0" in str(revisit(moment, settings_with(scheduler__revisited_sessions=0)))


def test_history_that_has_just_begun_is_revisited_from_its_beginning() -> None:
    settings = settings_with(ingestion__last_session=None, ingestion__first_session="2012-03-07")
    asked = revisit(datetime(2012, 3, 9, 10, tzinfo=UTC), settings)
    assert isinstance(asked, dg.RunRequest)
    assert (asked.tags[START], asked.tags[END]) == ("2012-03-07", "2012-03-08")
