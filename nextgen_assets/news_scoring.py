"""Scoring the articles that lack a score: what is due, within the budget of the day, failures kept."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from nextgen_assets.domain.score_failures import due_items, failure_rows
from nextgen_resources.sentiment import SCORABLE_SCHEMA, SentimentScorer
from nextgen_resources.sentiment.outcomes import COMPLETE, PayingScorer, ScoringOutcome, attempt_scores
from nextgen_resources.settings.schema import Settings
from nextgen_resources.warehouse.schema import tables_in
from nextgen_resources.warehouse.slices import prepare
from nextgen_resources.warehouse.tables import TABLES
from nextgen_resources.warehouse.warehouse import Warehouse
from nextgen_resources.warehouse.writing import write

_INSTANT = pl.Datetime("us", "UTC")


@dataclass(frozen=True)
class Scored:
    """Scores of one scorer for the articles of a span, and what this run added.

    Attributes
    ----------
    scores : polars.DataFrame
        Known and fresh ones, columns of ``news_article_scores`` without run_id.
    fresh, failures, runs : polars.DataFrame
        New rows of ``news_article_scores``, ``news_score_failures`` and ``news_scoring_runs``.
    figures : dict
        What the run tells the UI.
    """

    scores: pl.DataFrame
    fresh: pl.DataFrame
    failures: pl.DataFrame
    runs: pl.DataFrame
    figures: dict[str, Any]


def score_articles(
    warehouse: Warehouse,
    settings: Settings,
    scorer: SentimentScorer,
    articles: pl.DataFrame,
    span: dict[str, date],
    now: datetime,
    run_id: str,
) -> Scored:
    """Score what has no score by ``scorer`` and is due at ``now``; newest sessions first.

    Notes
    -----
    What has a score by the same scorer, model and prompt version is never sent again: a second run makes no
    call. The budget is what the runs of the day (UTC) have left of ``scoring.daily_budget_usd``. The most that
    calls can cost stands in the bill before they go out, and replies are kept on disk as they come: a run that is
    killed leaves no cost out, and the next one takes its replies. Scores and bill are written before the asset
    ends: a run that fails afterwards loses neither.
    """
    version = {"scorer": scorer.name, "model": scorer.model, "prompt_version": scorer.prompt_version}
    with warehouse.snapshot():
        known = warehouse.read("scores", **span, **version)
        failed_before = warehouse.read("score_failures", **span, **version)
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        spent = float(warehouse.scalar("scoring_spent", since=midnight))
    unscored = scorable(articles).join(known, on=["article_id", "ticker"], how="anti", maintain_order="left")
    due = due_items(unscored, failed_before, now)
    budget = max(0.0, settings.scoring.daily_budget_usd - spent)

    def bill(outcome: ScoringOutcome) -> pl.DataFrame:
        return _run_row(outcome, version, due.height, budget, now).with_columns(run_id=pl.lit(run_id))

    def reserve(so_far: ScoringOutcome) -> None:
        keep_at_once(warehouse, {"news_scoring_runs": bill(so_far)}, run_id, now)

    outcome = attempt_scores(scorer, due, budget, reserve)
    fresh = outcome.scores.with_columns(scored_at=pl.lit(now).cast(_INSTANT))
    failures = failure_rows(
        outcome.failures,
        failed_before,
        now,
        retry_minutes=settings.scoring.retry_minutes,
        max_attempts=settings.scoring.max_attempts,
    )
    scores = pl.concat([known.select(fresh.columns), fresh])
    runs = bill(outcome)
    if isinstance(scorer, PayingScorer) and due.height:
        paid = {"news_article_scores": fresh, "news_score_failures": failures, "news_scoring_runs": runs}
        keep_at_once(warehouse, paid, run_id, now)
        outcome.forget()
    figures = _figures(outcome, due.height, unscored.height)
    return Scored(scores, fresh, failures, runs, figures)


def keep_at_once(
    warehouse: Warehouse, frames: Mapping[str, pl.DataFrame], run_id: str, now: datetime
) -> None:
    """Write checked frames in a transaction of their own, before the asset ends; writing them again is harmless."""
    with warehouse.transaction() as connection:
        tables = tables_in(connection)
        for name, frame in frames.items():
            prepared = prepare(frame, tables[name], TABLES[name], None, run_id)
            write(connection, prepared, tables[name], TABLES[name], None, now)


def scorable(articles: pl.DataFrame) -> pl.DataFrame:
    """One row per article and ticker, as scorers read them and with its language, newest session first."""
    return (
        articles.select("article_id", "session_date", "language", "headline", "body", ticker="tickers")
        .explode("ticker")
        .sort("session_date", "article_id", "ticker", descending=[True, False, False])
        .select(*(pl.col(name).cast(dtype) for name, dtype in SCORABLE_SCHEMA.items()), "language")
    )


def _run_row(
    outcome: ScoringOutcome, version: dict[str, str], items: int, budget: float, now: datetime
) -> pl.DataFrame:
    """The bill of the run; no row for a scorer that made no call and was not held back.

    A run whose replies an earlier one had paid for has a row too: it takes the place of what it had set aside.
    """
    row = version | {
        "scored_at": now,
        "status": outcome.status,
        "items": items,
        "scored": outcome.scores.height,
        "failed": outcome.failures.height,
        "calls": outcome.calls,
        "input_tokens": outcome.input_tokens,
        "output_tokens": outcome.output_tokens,
        "most_usd": outcome.most_usd,
        "cost_usd": outcome.cost_usd,
        "budget_usd": budget,
    }
    numbers = dict.fromkeys(("items", "scored", "failed", "calls"), pl.Int32())
    tokens = dict.fromkeys(("input_tokens", "output_tokens"), pl.Int64())
    dollars = dict.fromkeys(("most_usd", "cost_usd", "budget_usd"), pl.Float64())
    words = dict.fromkeys((*version, "status"), pl.String())
    types = words | numbers | tokens | dollars | {"scored_at": _INSTANT}
    is_billed = outcome.calls > 0 or outcome.kept > 0 or outcome.status != COMPLETE
    frame = pl.DataFrame([row], schema={name: types[name] for name in row})
    return frame if is_billed else frame.clear()


def _figures(outcome: ScoringOutcome, due: int, unscored: int) -> dict[str, Any]:
    figures = {
        "scoring_status": outcome.status,
        "scored_now": outcome.scores.height,
        "failed_to_score": outcome.failures.height,
        "waiting_for_retry": unscored - due,
        "left_for_later": due - outcome.scores.height - outcome.failures.height,
        "calls": outcome.calls,
        "replies_of_an_unfinished_run": outcome.kept,
        "tokens": outcome.input_tokens + outcome.output_tokens,
        "most_usd": outcome.most_usd,
        "cost_usd": outcome.cost_usd,
    }
    classes = Counter(outcome.failures["error_class"])
    return figures | {f"failed_{name}": count for name, count in sorted(classes.items())}
