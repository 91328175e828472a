"""``nextgen backup`` and ``nextgen restore``."""

import time
from pathlib import Path

import click

from nextgen_assets.definitions import warehouse_of
from nextgen_resources.backup import back_up, contents_of, restore
from nextgen_resources.clock import SystemClock
from nextgen_resources.errors import BackupError
from nextgen_resources.settings.schema import Settings


def make_backup(settings: Settings, target: Path) -> None:
    """Back the scenario up below ``target`` and print where and how much."""
    started = time.perf_counter()
    made = back_up(warehouse_of(settings), settings.scenario_id, target, SystemClock().now())
    seconds = time.perf_counter() - started
    rows = sum(count for count, _ in made.contents.values())
    click.echo(f"{made.folder}: {rows:,} rows, {made.n_bytes / 1e6:,.1f} MB, {seconds:.1f} s")


def restore_backup(settings: Settings, folder: Path, *, is_replacing: bool) -> None:
    """Put a backup in place and compare every table with what was backed up.

    Raises
    ------
    BackupError
        The restored warehouse is not equal to the one that was backed up.
    """
    from nextgen_resources.backup import read_backup

    started = time.perf_counter()
    aside = restore(folder, settings.scenario_dir, settings.scenario_id, is_replacing=is_replacing)
    expected, found = read_backup(folder).contents, contents_of(warehouse_of(settings))
    if found != {name: list(value) for name, value in expected.items()}:
        odd = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
        raise BackupError(
            f"restored, but these tables differ from the backup: {', '.join(odd)}; use another backup"
        )
    if aside is not None:
        click.echo(f"What was there lies in {aside}; delete it when you are content")
    click.echo(
        f"{settings.scenario_dir}: {len(found)} tables equal to the backup, {time.perf_counter() - started:.1f} s. "
        "`nextgen migrate` brings an older schema up to date"
    )
