"""The command line: ``nextgen --help``."""

import os

import click

from nextgen_assets.commands.groups import alerts, credentials, research, results, services, upkeep
from nextgen_assets.commands.groups.friendly import FriendlyGroup
from nextgen_assets.commands.models import models
from nextgen_assets.commands.thresholds import thresholds
from nextgen_resources.settings.loader import load_settings


@click.group(cls=FriendlyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--profile", help="development, ci or production; default: NEXTGEN_PROFILE or development.")
@click.option("--scenario", help="Use the warehouse and history of this scenario.")
@click.version_option(package_name="nextgen")
@click.pass_context
def main(context: click.Context, profile: str | None, scenario: str | None) -> None:
    """NextGen: a market-prediction data platform on Dagster and DuckDB."""
    for name, value in (("NEXTGEN_PROFILE", profile), ("NEXTGEN__SCENARIO_ID", scenario)):
        if value:
            _set_variable(context, name, value)
    context.obj = load_settings()


def _set_variable(context: click.Context, name: str, value: str) -> None:
    """For this command and the processes that it starts; as it was when the command has ended."""
    before = os.environ.get(name)
    os.environ[name] = value
    context.call_on_close(
        lambda: os.environ.pop(name, None) if before is None else os.environ.update({name: before})
    )


main.add_command(results.demo)
main.add_command(results.explain)
main.add_command(results.tear_sheet)
main.add_command(results.compare)
main.add_command(results.skill)
main.add_command(results.loop)
main.add_command(upkeep.show_settings)
main.add_command(upkeep.migrate)
main.add_command(upkeep.compact)
main.add_command(upkeep.backup)
main.add_command(upkeep.restore)
main.add_command(services.ui)
main.add_command(services.serve)
main.add_command(services.health)
main.add_command(services.metrics)
main.add_command(services.manifest)
main.add_command(credentials.credentials)
main.add_command(alerts.alerts)
main.add_command(research.evaluate_sentiment)
main.add_command(research.train_classifier)
main.add_command(research.benchmark)
main.add_command(models)
main.add_command(thresholds)

if __name__ == "__main__":
    main()
