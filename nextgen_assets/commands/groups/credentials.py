"""``nextgen credentials``: secrets, and nothing that prints one."""

import sys
from datetime import datetime

import click

from nextgen_assets.commands.groups.friendly import FriendlyGroup
from nextgen_resources.settings.schema import Settings


@click.group(cls=FriendlyGroup)
def credentials() -> None:
    """Secrets: which are there, fit and fresh. Nothing here ever prints one."""


@credentials.command(name="check")
@click.option("--rotate-after-days", default=180, show_default=True, type=click.IntRange(1, 3_650))
@click.option("--online", is_flag=True, help="Also ask the services whether they take them.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def check_credentials(settings: Settings, rotate_after_days: int, online: bool, as_json: bool) -> None:
    """Print presence, form, age and expiry; exits with 1 when one that is needed will not work."""
    from nextgen_assets.commands import credentials as commands

    sys.exit(0 if commands.print_check(settings, rotate_after_days, online, as_json) else 1)


@credentials.command(name="set")
@click.argument("name")
@click.option("--expires-on", type=click.DateTime(["%Y-%m-%d"]), help="Day on which it ceases to work.")
def set_credential(name: str, expires_on: datetime | None) -> None:
    """Keep credential NAME in the operating system's store; it is asked for, or read from standard input."""
    from nextgen_assets.commands import credentials as commands

    is_asked = sys.stdin.isatty()
    secret = click.prompt(name, hide_input=True) if is_asked else sys.stdin.read().rstrip("\r\n")
    commands.set_credential(name, secret, expires_on.date() if expires_on else None)


@credentials.command(name="delete")
@click.argument("name")
def delete_credential(name: str) -> None:
    """Remove credential NAME from the operating system's store."""
    from nextgen_assets.commands import credentials as commands

    commands.delete_credential(name)
