"""``nextgen alerts``: deliveries by webhook."""

import click

from nextgen_assets.commands.groups.friendly import FriendlyGroup
from nextgen_resources.settings.schema import Settings


@click.group(cls=FriendlyGroup)
def alerts() -> None:
    """What is told to other systems by webhook: see, send, send again."""


@alerts.command(name="list")
@click.option("--status", type=click.Choice(["pending", "delivered", "dead"]), help="Only these.")
@click.option("--most", default=30, show_default=True, type=click.IntRange(1, 10_000), help="Rows at most.")
@click.pass_obj
def list_alerts(settings: Settings, status: str | None, most: int) -> None:
    """Print the newest deliveries and how many there are by status."""
    from nextgen_assets.commands import alerts as commands

    commands.list_alerts(settings, status, most)


@alerts.command(name="deliver")
@click.pass_obj
def deliver_alerts(settings: Settings) -> None:
    """Deliver what is due now, as the sensor tell_receivers does every minute."""
    from nextgen_assets.commands import alerts as commands

    commands.deliver_alerts(settings)


@alerts.command(name="replay")
@click.argument("message_id", required=False)
@click.pass_obj
def replay_alerts(settings: Settings, message_id: str | None) -> None:
    """Make dead deliveries due again, or every delivery of MESSAGE_ID."""
    from nextgen_assets.commands import alerts as commands

    commands.replay_alerts(settings, message_id)
