"""``nextgen evaluate-sentiment``, ``train-classifier``, ``benchmark``: judged on texts and benchmarks of others."""

from pathlib import Path
from typing import Any

import click

from nextgen_resources.settings.schema import Settings


@click.command(name="evaluate-sentiment")
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


@click.command(name="train-classifier")
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


@click.group()
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
