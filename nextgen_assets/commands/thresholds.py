"""``nextgen thresholds``: what holds, and overrides from a later session on."""

import getpass
from datetime import date, datetime

import click

from nextgen_resources.settings.schema import Settings

_DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def thresholds() -> None:
    """Thresholds of abstention and of standing aside: list, override, reset. Decided sessions never change."""


@thresholds.command(name="list")
@click.pass_obj
def list_thresholds(settings: Settings) -> None:
    """Every override that was decided, in the order in which they take effect."""
    from nextgen_assets.definitions import warehouse_of
    from nextgen_assets.domain.thresholds import BOUNDS

    rows = warehouse_of(settings).read("overrides", scenario_id=settings.scenario_id, last=date.max)
    allowed = ", ".join(f"{name} ({low:g} to {high:g})" for name, (low, high) in BOUNDS.items())
    click.echo(f"Can be overridden: {allowed}")
    for row in rows.iter_rows(named=True):
        value = "as the settings say" if row["value"] is None else f"{row['value']:g}"
        click.echo(
            f"{row['effective_from']}  {row['threshold']}: {value}  ({row['author']}: {row['reason']})"
        )
    if rows.is_empty():
        click.echo("Nothing is overridden; the settings hold.")


@thresholds.command(name="override")
@click.argument("name")
@click.argument("value", type=float)
@click.option("--reason", required=True, help="Why, in words; kept with the decision.")
@click.option("--author", default=getpass.getuser, help="Who decides; default: the user of this machine.")
@click.option("--from", "start", type=_DAY, help="First session that it holds for; default: the next one.")
@click.pass_obj
def override_threshold(
    settings: Settings, name: str, value: float, reason: str, author: str, start: datetime | None
) -> None:
    """Have NAME be VALUE from the next session on, or from a later one."""
    _decide(settings, name, value, reason, author, start)


@thresholds.command(name="reset")
@click.argument("name")
@click.option("--reason", required=True, help="Why, in words; kept with the decision.")
@click.option("--author", default=getpass.getuser, help="Who decides; default: the user of this machine.")
@click.option("--from", "start", type=_DAY, help="First session that it holds for; default: the next one.")
@click.pass_obj
def reset_threshold(settings: Settings, name: str, reason: str, author: str, start: datetime | None) -> None:
    """Have NAME be what the settings say again."""
    _decide(settings, name, None, reason, author, start)


def _decide(
    settings: Settings, name: str, value: float | None, reason: str, author: str, start: datetime | None
) -> None:
    from nextgen_assets import threshold_decisions
    from nextgen_assets.definitions import warehouse_of
    from nextgen_resources.clock import SystemClock

    decided = threshold_decisions.override(
        warehouse_of(settings),
        settings,
        name,
        value,
        reason=reason,
        author=author,
        now=SystemClock().now(),
        effective_from=start.date() if start else None,
    )
    said = "as the settings say" if value is None else f"{value:g}"
    click.echo(f"{decided.threshold} is {said} from {decided.effective_from} on: {decided.reason}")
