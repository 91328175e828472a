"""The command line: ``nextgen --help``."""

import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from nextgen_assets.commands.models import models
from nextgen_resources.errors import NextGenError
from nextgen_resources.settings.loader import load_settings
from nextgen_resources.settings.schema import Settings


class FriendlyGroup(click.Group):
    """Shows our own errors as one message, not as a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; exit with 1 and the message of a NextGenError."""
        try:
            return super().invoke(ctx)
        except NextGenError as error:
            click.echo(f"{type(error).__name__}: {error}", err=True)
            sys.exit(1)


@click.group(cls=FriendlyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--profile", help="development, ci or production; default: NEXTGEN_PROFILE or development.")
@click.option("--scenario", help="Use the warehouse and history of this scenario.")
@click.version_option(package_name="nextgen")
@click.pass_context
def main(context: click.Context, profile: str | None, scenario: str | None) -> None:
    """NextGen: a market-prediction data platform on Dagster and DuckDB."""
    if profile:
        os.environ["NEXTGEN_PROFILE"] = profile
    if scenario:
        os.environ["NEXTGEN__SCENARIO_ID"] = scenario
    context.obj = load_settings()


@main.command()
@click.pass_obj
def demo(settings: Settings) -> None:
    """Materialise what the graph lacks, then print the results."""
    from nextgen_assets.commands.demo import run_demo

    run_demo(settings)


@main.command()
@click.pass_obj
def migrate(settings: Settings) -> None:
    """Bring the warehouse to the newest schema, if it is not there."""
    from nextgen_assets.definitions import warehouse_of

    applied = warehouse_of(settings).migrate()
    click.echo(
        f"{settings.warehouse_path}: applied {', '.join(applied) if applied else 'nothing, up to date'}"
    )


@main.command(name="settings")
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


@main.command()
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


@main.command(name="tear-sheet")
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


@main.command()
@click.argument("first_scenario")
@click.argument("second_scenario")
@click.pass_obj
def compare(settings: Settings, first_scenario: str, second_scenario: str) -> None:
    """Put the settings and results of two scenarios side by side."""
    from nextgen_assets.commands.comparison import compare_scenarios

    compare_scenarios(settings, first_scenario, second_scenario)


@main.command()
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


@main.command()
@click.pass_obj
def compact(settings: Settings) -> None:
    """Rewrite the warehouse file without the space of old rows."""
    from nextgen_assets.definitions import warehouse_of

    before, after = warehouse_of(settings).compact()
    click.echo(f"{settings.warehouse_path}: {before / 1e6:.1f} MB before, {after / 1e6:.1f} MB after")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def health(settings: Settings, as_json: bool) -> None:
    """Print whether feeds, components, daemon, runs and alerts are well.

    Exits with 0 (ok), 1 (warning), 2 (failure) or 3 (unknown), as monitors expect.
    """
    from nextgen_assets.commands.health import print_health

    sys.exit(print_health(settings, as_json))


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option(
    "--port", default=9464, show_default=True, type=click.IntRange(0, 65_535), help="0: any free one."
)
@click.pass_obj
def metrics(settings: Settings, host: str, port: int) -> None:
    """Serve the figures of `nextgen health` to Prometheus at /metrics."""
    from nextgen_assets.commands.health import serve_metrics

    server, thread = serve_metrics(settings, host, port)
    click.echo(f"http://{host}:{server.server_port}/metrics (stop with Ctrl-C)")
    try:
        thread.join()
    except KeyboardInterrupt:
        server.shutdown()


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def manifest(settings: Settings, as_json: bool) -> None:
    """Print every task: cadence, needs, output, retries, failover, owner; and what starts it."""
    from nextgen_assets.commands import manifest as commands

    click.echo(
        commands.manifest_json(settings) if as_json else commands.manifest_markdown(settings), nl=False
    )


@main.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.pass_obj
def backup(settings: Settings, folder: Path) -> None:
    """Copy warehouse, models and journals into a new folder below FOLDER, each file with its hash.

    Runs beside the services: readers go on, writers wait for the copy of the file.
    """
    from nextgen_assets.commands.backups import make_backup

    make_backup(settings, folder)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--replace", is_flag=True, help="Move what is there aside first; stop the services before.")
@click.pass_obj
def restore(settings: Settings, folder: Path, replace: bool) -> None:
    """Put the backup FOLDER in the place of the scenario and compare every table."""
    from nextgen_assets.commands.backups import restore_backup

    restore_backup(settings, folder, is_replacing=replace)


@main.command()
@click.option("--socket", "path", type=click.Path(path_type=Path, dir_okay=False), help="Unix socket file.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Loopback address, without --socket.")
@click.option(
    "--port", default=7631, show_default=True, type=click.IntRange(0, 65_535), help="0: any free one."
)
@click.option(
    "--reload-seconds",
    default=5.0,
    show_default=True,
    type=click.FloatRange(0.05),
    help="How often to look for a promotion.",
)
@click.pass_obj
def serve(settings: Settings, path: Path | None, host: str, port: int, reload_seconds: float) -> None:
    """Serve the live models over a socket: predict_batch(window_ids), health, ping.

    The protocol is in docs/inference.md; nextgen_resources.inference.client speaks it.
    """
    from nextgen_assets.commands.serve import serve as run

    run(settings, path, host, port, reload_seconds)


@main.group(cls=FriendlyGroup)
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


@main.group(cls=FriendlyGroup)
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


@main.command(name="evaluate-sentiment")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--scorer", help="Scorer to judge; default: the one of the settings.")
@click.option("--text-column", help="Default: text, headline, title or sentence, whichever there is.")
@click.option("--label-column", help="Default: label, sentiment, score or polarity, whichever there is.")
@click.option("--label-map", help="Meaning of other labels: 0=negative,1=neutral,2=positive.")
@click.option(
    "--neutral-below", default=0.05, show_default=True, help="Size below which a numeric label is neutral."
)
@click.option("--where", help="Only the rows with COLUMN=VALUE.")
@click.option("--date-column", help="Day of each text, for --after-knowledge-cutoff.")
@click.option(
    "--after-knowledge-cutoff", is_flag=True, help="Only texts from after what the model can remember."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def evaluate_sentiment(
    settings: Settings, /, file: Path, scorer: str | None, as_json: bool, **options: Any
) -> None:
    """Score the labelled texts of FILE and print how good, fast and dear that was.

    FILE is CSV, TSV, JSONL, JSON or Parquet. Labels are negative, neutral, positive (or bearish, bullish), or
    numbers from -1 to 1.
    """
    from nextgen_assets.commands import sentiment_evaluation as evaluation
    from nextgen_resources.sentiment.configured import configured_scorer

    judged = configured_scorer(settings, scorer)
    columns = evaluation.columns_of(judged, **options)
    found = evaluation.evaluate_file(file, judged, columns, settings.scoring.daily_budget_usd)
    if as_json:
        click.echo(evaluation.evaluation_json(found))
    else:
        evaluation.print_evaluation(found)


@main.command(name="train-classifier")
@click.option(
    "--data", required=True, type=click.Path(path_type=Path), help="Labelled text to fit the weights to."
)
@click.option("--where", help="Only the rows of --data with COLUMN=VALUE.")
@click.option(
    "--other",
    "others",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Labelled text of another kind; may repeat.",
)
@click.option("--output", type=click.Path(path_type=Path), help="Folder to write to; default: the package.")
def train_classifier(data: Path, where: str | None, others: tuple[Path, ...], output: Path | None) -> None:
    """Train the offline classifier of sentiment again: weights and recipe, the same bytes for the same text."""
    from nextgen_assets.commands import classifier_training
    from nextgen_assets.commands.labelled_file import LabelledColumns

    by_name = {path.stem: path for path in others}
    classifier_training.train_classifier(data, by_name, LabelledColumns(where=where), output)


@main.group()
def benchmark() -> None:
    """Our models on benchmarks that others published results for."""


@benchmark.command()
@click.option(
    "--data", required=True, type=click.Path(path_type=Path), help="Folder of features_labels.parquet."
)
@click.option(
    "--protocol", required=True, type=click.Choice(["kdd17", "acl18"]), help="Whose split by target day."
)
@click.option(
    "--family", "families", multiple=True, help="Model family; may repeat. Default: all that learn."
)
@click.option(
    "--seeds", default=10, show_default=True, type=click.IntRange(1, 1000), help="Seeds of each family."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def movement(data: Path, protocol: str, families: tuple[str, ...], seeds: int, as_json: bool) -> None:
    """Stock movement: accuracy and Matthews correlation by the published protocol, beside the published table.

    Lookback, settings and threshold are chosen on the validation part; the test part is scored once.
    """
    from nextgen_assets.commands import movement_benchmark as movement

    found = movement.run_benchmark(
        data, protocol, families, seeds, say=lambda text: click.echo(text, err=True)
    )
    click.echo(movement.benchmark_json(found) if as_json else movement.benchmark_text(found))


main.add_command(models)


@main.command()
@click.option("--port", default=3000, show_default=True)
@click.pass_obj
def ui(settings: Settings, port: int) -> None:
    """Serve the Dagster UI with its daemon, to this machine only."""
    from nextgen_assets.commands.ui import serve_ui

    sys.exit(serve_ui(settings, port))


if __name__ == "__main__":
    main()
