"""``nextgen models``: what is registered, what serves, how two compare; promote, roll back, mirror."""

import json
from datetime import date, datetime
from typing import Any

import click

from nextgen_assets.commands.model_mirror import mirror
from nextgen_resources.settings.schema import Settings


@click.group()
def models() -> None:
    """Registered models: list, show, compare, promote, roll back, mirror."""


models.add_command(mirror)


@models.command(name="list")
@click.option("--all", "is_all", is_flag=True, help="Every registered model, not only those that serve.")
@click.option(
    "--session",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Who served or will serve this session; default: the next one.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_models(settings: Settings, is_all: bool, session: datetime | None, as_json: bool) -> None:
    """Who serves the next session, how each did on its validation months, and what the gate said last."""
    from nextgen_assets.commands.model_tables import model_rows, print_rows
    from nextgen_assets.definitions import warehouse_of

    title, rows = model_rows(warehouse_of(settings), settings, is_all, session.date() if session else None)
    if as_json:
        click.echo(_json({"title": title, "models": rows}))
    else:
        print_rows(title, rows)


@models.command()
@click.argument("model")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def show(settings: Settings, model: str, as_json: bool) -> None:
    """One model: what it learned from, how it scored beside the base rate, its deployments and verdicts.

    MODEL is a model id, the beginning of one, or a family (its newest model). Its artifact is read and checked
    against the registered hash.
    """
    from nextgen_assets.commands.model_tables import model_text
    from nextgen_assets.definitions import warehouse_of
    from nextgen_resources.model_store import ModelStore

    found = model_text(warehouse_of(settings), ModelStore(settings.models_dir), model)
    click.echo(_json(found.values) if as_json else found.text)


@models.command()
@click.argument("first")
@click.argument("second")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def compare(settings: Settings, first: str, second: str, as_json: bool) -> None:
    """Two models or families on the forecasts of both that have matured, in pairs.

    A family stands for its model of each month. The interval of the difference is that of blocks of days.
    """
    from nextgen_assets.commands.model_tables import comparison
    from nextgen_assets.definitions import warehouse_of

    found = comparison(warehouse_of(settings), settings, first, second)
    click.echo(_json(found.values) if as_json else found.text)


@models.command()
@click.argument("model")
@click.option("--reason", required=True, help="Why, in words; kept with the decision.")
@click.option(
    "--despite-the-gate", is_flag=True, help="Even where the promotion gate refuses; the row says so."
)
@click.pass_obj
def promote(settings: Settings, model: str, reason: str, despite_the_gate: bool) -> None:
    """Serve MODEL alone from the next session on, then each month's successor of its family.

    A model that was made for one ticker serves that ticker alone. What has been predicted stays as it is.
    `nextgen models rollback FAMILY`, or TICKER, ends it.
    """
    from nextgen_assets import model_decisions
    from nextgen_assets.definitions import warehouse_of
    from nextgen_resources.clock import SystemClock
    from nextgen_resources.model_store import ModelStore

    store = ModelStore(settings.models_dir)
    decided = model_decisions.promote(
        warehouse_of(settings),
        settings,
        store,
        model,
        reason,
        SystemClock().now(),
        despite_the_gate=despite_the_gate,
    )
    whom = f" for {decided.target_ticker}" if decided.target_ticker else ""
    click.echo(
        f"{decided.family} {decided.model_id} is served alone{whom} from {decided.live_from} on: {decided.reason}"
    )


@models.command()
@click.argument("family")
@click.option("--reason", required=True, help="Why, in words; kept with the decision.")
@click.pass_obj
def rollback(settings: Settings, family: str, reason: str) -> None:
    """Put back what stood for FAMILY before its present deployment, from the next session on.

    With a ticker in capitals in its place: the model of that ticker alone is taken back.
    """
    from nextgen_assets import model_decisions
    from nextgen_assets.definitions import warehouse_of
    from nextgen_resources.clock import SystemClock
    from nextgen_resources.model_store import ModelStore

    warehouse, now = warehouse_of(settings), SystemClock().now()
    if family == family.upper():
        decided = model_decisions.take_back(warehouse, settings, family, reason, now)
        click.echo(f"{family} is served by the models for all from {decided.live_from} on: {decided.reason}")
        return
    store = ModelStore(settings.models_dir)
    decided = model_decisions.roll_back(warehouse, settings, store, family, reason, now)
    place = "served alone" if decided.role == "champion" else "a member again, not served alone"
    click.echo(f"{family} {decided.model_id} is {place} from {decided.live_from} on: {decided.reason}")


def _json(values: Any) -> str:
    return json.dumps(
        values, indent=1, default=lambda value: value.isoformat() if isinstance(value, date) else str(value)
    )
