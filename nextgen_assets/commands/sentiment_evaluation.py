"""A scorer on labelled text: quality, speed and cost, printed or as JSON."""

import json
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from rich import box
from rich.console import Console
from rich.table import Table

from nextgen_assets.commands.labelled_file import LabelledColumns, read_labelled
from nextgen_assets.domain.sentiment_quality import SentimentQuality, called_labels, sentiment_quality
from nextgen_resources.errors import SettingsError
from nextgen_resources.sentiment import NEUTRAL_BAND, SCORABLE_SCHEMA, SentimentScorer
from nextgen_resources.sentiment.outcomes import PayingScorer, attempt_scores

HEADLINE_CHARACTERS = 500
"""What every scorer reads of a headline; a longer text is an article with a body."""


@dataclass(frozen=True)
class Evaluation:
    """What one scorer did with one file."""

    file: str
    scorer: str
    model: str
    prompt_version: str
    knowledge_cutoff: str | None
    n_texts: int
    quality: SentimentQuality
    texts_per_second: float
    cost_usd: float
    status: str
    failures: dict[str, int]

    @property
    def n_unscored(self) -> int:
        """Texts without a score; no figure counts them as anything."""
        return self.n_texts - self.quality.n


def evaluate_file(
    path: Path, scorer: SentimentScorer, columns: LabelledColumns, budget_usd: float
) -> Evaluation:
    """Score the labelled texts of ``path`` with ``scorer``.

    Raises
    ------
    SettingsError
        The file or its labels cannot be read, or the scorer scored nothing.
    """
    labelled = read_labelled(path, columns).with_row_index("row")
    items = as_articles(labelled)
    if not isinstance(scorer, PayingScorer):
        scorer.score(items[:1])  # loads what is loaded once, so that the speed is that of scoring
    started = time.perf_counter()
    outcome = attempt_scores(scorer, items, budget_usd)
    seconds, scores = time.perf_counter() - started, outcome.scores
    failures = dict(outcome.failures.group_by("error_class").len().sort("error_class").iter_rows())
    if scores.is_empty():
        raise SettingsError(
            f"{scorer.name} scored none of the {items.height} texts of {path.name} ({outcome.status}; "
            f"failures {failures or 'none'}); look at its key, address and scoring.daily_budget_usd"
        )
    joined = scores.join(
        labelled.with_columns(pl.col("row").cast(pl.String)), left_on="article_id", right_on="row"
    )
    called = called_labels(joined["score"], NEUTRAL_BAND)
    cutoff = scores["model_knowledge_cutoff"].max()
    return Evaluation(
        path.name,
        scorer.name,
        scorer.model,
        scorer.prompt_version,
        None if cutoff is None else str(cutoff),
        items.height,
        sentiment_quality(joined["label"], called, joined["confidence"]),
        items.height / seconds,
        outcome.cost_usd,
        outcome.status,
        failures,
    )


def as_articles(labelled: pl.DataFrame) -> pl.DataFrame:
    """Labelled texts as scorers read articles: a text of a headline's length whole, of a longer one the rest as body.

    Parameters
    ----------
    labelled : polars.DataFrame
        Columns row and text.

    Notes
    -----
    The headline of a long text is its first line, or its first sentence where that line is too long as well.
    """
    text = pl.col("text").str.strip_chars()
    is_long = text.str.len_chars() > HEADLINE_CHARACTERS
    line = text.str.extract(r"^([^\n]+)")
    sentence = text.str.extract(r"^(.+?[.!?])\s")
    first = (
        pl.when(line.str.len_chars() <= HEADLINE_CHARACTERS).then(line).otherwise(pl.coalesce(sentence, line))
    )
    headline = first.str.slice(0, HEADLINE_CHARACTERS)
    return labelled.select(
        pl.col("row").cast(pl.String).alias("article_id"),
        pl.lit("TEXT").alias("ticker"),
        pl.when(is_long).then(headline).otherwise(text).alias("headline"),
        pl.when(is_long).then(text.str.slice(headline.str.len_chars()).str.strip_chars()).alias("body"),
    ).cast(dict(SCORABLE_SCHEMA))  # type: ignore[arg-type]


def columns_of(
    scorer: SentimentScorer,
    *,
    text_column: str | None = None,
    label_column: str | None = None,
    label_map: str | None = None,
    neutral_below: float = 0.05,
    where: str | None = None,
    date_column: str | None = None,
    after_knowledge_cutoff: bool = False,
) -> LabelledColumns:
    """What the options of the command line say about the file.

    Raises
    ------
    SettingsError
        The label map is not ``label=meaning,…``, or the scorer's knowledge cut-off is unknown.
    """
    pairs = [pair.partition("=") for pair in label_map.split(",")] if label_map else []
    if any(not (key and meaning) for key, _, meaning in pairs):
        raise SettingsError(f"--label-map {label_map!r}: expected 0=negative,1=neutral,2=positive")
    return LabelledColumns(
        text=text_column,
        label=label_column,
        day=date_column,
        where=where,
        label_map={key.strip(): meaning.strip() for key, _, meaning in pairs},
        neutral_below=neutral_below,
        after=_knowledge_cutoff(scorer) if after_knowledge_cutoff else None,
    )


def _knowledge_cutoff(scorer: SentimentScorer) -> date | None:
    """Last day that the scorer may remember; None for one that remembers nothing.

    Raises
    ------
    SettingsError
        It is a language model whose cut-off the settings do not say.
    """
    cutoff: date | None = getattr(scorer, "knowledge_cutoff", None)
    if cutoff is None and scorer.name == "openai":
        raise SettingsError(
            f"the knowledge cut-off of {scorer.model} is unknown; set scoring.openai.knowledge_cutoff"
        )
    return cutoff


def print_evaluation(found: Evaluation) -> None:
    """Tables for people."""
    console, quality = Console(), found.quality
    console.print(
        f"[bold]{found.scorer}[/bold] ({found.model}, {found.prompt_version}) on {found.file}: "
        f"{found.n_texts:,} texts, {found.n_unscored:,} without a score"
    )
    if found.n_unscored:
        console.print(f"scoring ended {found.status}; failures: {found.failures or 'none'}")
    console.print(f"knowledge cut-off of the model: {found.knowledge_cutoff or 'none'}")
    console.print(
        f"accuracy {quality.accuracy:.3f} (most frequent label {quality.majority_share:.3f}), "
        f"macro-F1 {quality.macro_f1:.3f}, calibration error {quality.calibration_error:.3f}"
    )
    console.print(f"{found.texts_per_second:,.0f} texts per second, {found.cost_usd:.4f} USD")
    confusion = quality.confusion.join(quality.by_label, on="label", maintain_order="left")
    _print_table(console, "Labelled (rows), called (columns)", confusion)
    _print_table(console, "Confidence and how often it was right", quality.calibration)


def evaluation_json(found: Evaluation) -> str:
    """The same as JSON text."""
    quality: dict[str, Any] = {
        name: value.to_dicts() if isinstance(value, pl.DataFrame) else value
        for name, value in vars(found.quality).items()
    }
    return json.dumps(vars(found) | {"n_unscored": found.n_unscored, "quality": quality}, indent=2)


def _print_table(console: Console, title: str, frame: pl.DataFrame) -> None:
    table = Table(*frame.columns, title=title, box=box.SIMPLE_HEAD, title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    for row in frame.iter_rows():
        table.add_row(*(_cell(value) for value in row))
    console.print(table)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return (
        f"{value:.3f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
    )
