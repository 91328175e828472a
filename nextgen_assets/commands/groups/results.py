"""``nextgen demo``, ``explain``, ``tear-sheet``, ``compare``, ``skill``, ``loop``: making results and reading them."""

import sys
from datetime import datetime
from pathlib import Path

import click

from nextgen_resources.settings.schema import Settings


@click.command()
@click.pass_obj
def demo(settings: Settings) -> None:
    """Materialise what the graph lacks, then print the results."""
    from nextgen_assets.commands.demo import run_demo

    run_demo(settings)


@click.command()
@click.argument("prediction_id")
@click.pass_obj
def explain(settings: Settings, prediction_id: str) -> None:
    """Print the chain from a prediction's raw rows to its trade.

    PREDICTION_ID is an id, the beginning of one, or TICKER@YYYY-MM-DD. The chain: prediction, model and
    its training span, window, raw rows and articles, outcome, plan with its principles, trade.
    """
    from rich.console import Console
    from rich.markdown import Markdown

    from nextgen_assets.definitions import warehouse_of
    from nextgen_assets.explanation import explain as explanation_of

    text = explanation_of(warehouse_of(settings), prediction_id, settings.sentiment_method)
    if sys.stdout.isatty():
        Console().print(Markdown(text))
    else:
        click.echo(text)


@click.command(name="tear-sheet")
@click.option("--session", type=click.DateTime(["%Y-%m-%d"]), help="Last session; default: the newest.")
@click.option(
    "--principles", is_flag=True, help="Replay the record without each principle in turn (minutes)."
)
@click.option("--export", "folder", type=click.Path(path_type=Path), help="Folder for CSV and XLSX tables.")
@click.pass_obj
def tear_sheet(settings: Settings, session: datetime | None, principles: bool, folder: Path | None) -> None:
    """Write the portfolio's record as one page: growth, risk, costs, causes, best and worst positions.

    With --principles it shows what each one cost or saved; with --export tables are written in which no
    cell can become a formula.
    """
    from nextgen_assets.commands.tear_sheets import write_tear_sheet

    write_tear_sheet(settings, session.date() if session else None, principles, folder)


@click.command()
@click.argument("first_scenario")
@click.argument("second_scenario")
@click.pass_obj
def compare(settings: Settings, first_scenario: str, second_scenario: str) -> None:
    """Put the settings and results of two scenarios side by side."""
    from nextgen_assets.commands.comparison import compare_scenarios

    compare_scenarios(settings, first_scenario, second_scenario)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def skill(settings: Settings, as_json: bool) -> None:
    """How the predictions did: IC and rank IC by year beside members and momentum, coverage of the bounds."""
    from nextgen_assets.commands import skill as command
    from nextgen_assets.definitions import warehouse_of

    found = command.read_skill(warehouse_of(settings), settings)
    if as_json:
        click.echo(command.skill_json(found))
    else:
        command.print_skill(found)


@click.command()
@click.option("--sessions", type=click.IntRange(min=20), help="Only the newest so many sessions.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def loop(settings: Settings, sessions: int | None, as_json: bool) -> None:
    """The record with and without what it learns from itself: calibration, learned weights, adapting bounds."""
    from nextgen_assets.commands import loop as command
    from nextgen_assets.definitions import warehouse_of

    found = command.replay_loop(warehouse_of(settings), settings, sessions)
    if as_json:
        click.echo(command.replay_json(found))
    else:
        command.print_replay(found)
