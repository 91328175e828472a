"""``nextgen settings``, ``migrate``, ``compact``, ``backup``, ``restore``: the scenario and its files."""

from pathlib import Path

import click

from nextgen_resources.settings.schema import Settings


@click.command(name="settings")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def show_settings(settings: Settings, as_json: bool) -> None:
    """Print every setting and where it comes from, secrets hidden."""
    from nextgen_resources.settings.report import settings_json, settings_table

    if as_json:
        click.echo(settings_json(settings))
        return
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    name = Column("setting", no_wrap=True)
    table = Table(
        name,
        Column("value", overflow="fold"),
        Column("origin", style="dim", overflow="fold"),
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.title = f"Settings of {settings.scenario_id} (profile {settings.profile})"
    for row in settings_table(settings):
        table.add_row(*map(escape, row))
    Console().print(table)


@click.command()
@click.pass_obj
def migrate(settings: Settings) -> None:
    """Bring the warehouse to the newest schema, if it is not there."""
    from nextgen_assets.definitions import warehouse_of

    applied = warehouse_of(settings).migrate()
    click.echo(
        f"{settings.warehouse_path}: applied {', '.join(applied) if applied else 'nothing, up to date'}"
    )


@click.command()
@click.pass_obj
def compact(settings: Settings) -> None:
    """Rewrite the warehouse file without the space of old rows."""
    from nextgen_assets.definitions import warehouse_of

    before, after = warehouse_of(settings).compact()
    click.echo(f"{settings.warehouse_path}: {before / 1e6:.1f} MB before, {after / 1e6:.1f} MB after")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.pass_obj
def backup(settings: Settings, folder: Path) -> None:
    """Copy warehouse, models and journals into a new folder below FOLDER, each file with its hash.

    Runs beside the services: readers go on, writers wait for the copy of the file.
    """
    from nextgen_assets.commands.backups import make_backup

    make_backup(settings, folder)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--replace", is_flag=True, help="Move what is there aside first; stop the services before.")
@click.pass_obj
def restore(settings: Settings, folder: Path, replace: bool) -> None:
    """Put the backup FOLDER in the place of the scenario and compare every table."""
    from nextgen_assets.commands.backups import restore_backup

    restore_backup(settings, folder, is_replacing=replace)
