"""``nextgen alerts``: what was told to whom, what waits, what was given up, and sending it again."""

import click

from nextgen_resources.alerts.delivery import Dispatcher
from nextgen_resources.alerts.outbox import Outbox
from nextgen_resources.clock import SystemClock
from nextgen_resources.errors import AlertError
from nextgen_resources.settings.schema import Settings


def list_alerts(settings: Settings, status: str | None, most: int) -> None:
    """Print the newest deliveries and how many there are by status."""
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    outbox = Outbox(settings.outbox_path)
    rows = outbox.listing(status, most)
    table = Table(
        "message", "kind", "subject", "receiver", "status", "tries", "last error", box=box.SIMPLE_HEAD
    )
    for row in rows.iter_rows(named=True):
        texts = (
            row["message_id"],
            row["kind"],
            row["subject"],
            row["receiver"],
            row["status"],
            row["attempts"],
        )
        table.add_row(*(escape(str(text)) for text in texts), escape(row["last_error"] or ""))
    if rows.height:
        Console().print(table)
    counts = outbox.counts()
    click.echo(", ".join(f"{count} {name}" for name, count in counts.items()))


def deliver_alerts(settings: Settings) -> None:
    """Deliver what is due now."""
    secret = settings.credentials.webhook_signing_secret
    dispatcher = Dispatcher(settings.alerts, secret.get_secret_value() if secret else None, SystemClock())
    done = dispatcher.deliver(Outbox(settings.outbox_path))
    click.echo(f"{done.delivered} delivered, {done.failed} to be tried again, {done.dead} given up")


def replay_alerts(settings: Settings, message_id: str | None) -> None:
    """Make dead deliveries, or every delivery of one message, due again."""
    due = Outbox(settings.outbox_path).replay(SystemClock().now(), message_id)
    if message_id is not None and not due:
        raise AlertError(
            f"the outbox of {settings.scenario_id} has no message {message_id!r}; see `nextgen alerts list`"
        )
    click.echo(
        f"{due} deliveries are due again; `nextgen alerts deliver` or the sensor tell_receivers sends them"
    )
