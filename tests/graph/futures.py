"""Two futures: one scenario built twice, with another world after a session, and what differs before it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from nextgen_assets.domain.sessions import xnys
from nextgen_assets.orchestration.jobs import INPUTS
from nextgen_resources.warehouse.tables import TABLES
from tests.graph.altered_world import AlteredMarket, AlteredNews, Future, Hole
from tests.graph.harness import Built, built

HISTORY = (date(2003, 10, 1), date(2004, 11, 19))
"""Sessions that all builds of a test share: they end before the first session at which futures part."""
HISTORY_MONTHS = (date(2004, 7, 1), date(2004, 10, 1))
SPAN = (date(2004, 11, 22), date(2005, 4, 8))
"""Sessions built in one run, far beyond the session at which the futures part."""
SPAN_MONTHS = (date(2004, 11, 1), date(2005, 3, 1))
HOLES: tuple[Hole, ...] = (
    ("MSFT", date(2004, 12, 8)),
    ("IBM", date(2005, 1, 20)),
    ("IBM", date(2005, 1, 21)),
)
"""Bars that the source never had, whatever the future."""
BROKEN: tuple[Hole, ...] = (("AAPL", date(2005, 2, 11)),)
"""Bars that break a rule and go to quarantine."""
SETTINGS = {"models.horizon_sessions": 3, "feedback.insight_q": 0.5}
"""A short horizon gives feedback and learning something to say within the span."""

NOT_REPRODUCIBLE = {
    "task_runs",
    "provider_calls",
    "corporate_action_coverage",
    "news_score_failures",
    "news_scoring_runs",
}
"""Tables that state what ran and when, not what is known."""
_DAY_COLUMN = {
    "ticker_universe": "valid_from",
    "security_listings": "valid_from",
    "quarantine": "partition_key",
    "market_price_revisions": "session_date",
    "corporate_action_revisions": "ex_date",
    "model_deployments": "live_from",
    "promotion_verdicts": "cutoff_session",
}
"""The day of a row where a table is not written by session."""

Stage = Callable[[Built], None]


def prepare(scenario: Built) -> None:
    """Inputs of the span in one run."""
    scenario.run("prepare_inputs", *SPAN)


def train(scenario: Built) -> None:
    """Models of the cut-offs of the span in one run."""
    scenario.run("train_models", *SPAN_MONTHS)


def decide(scenario: Built) -> None:
    """Predictions, trades and all that follows, in one run."""
    scenario.run("decide_and_trade", *SPAN)


@contextmanager
def world(folder: Path, future: Future | None, start: Path | None = None, **settings: Any) -> Iterator[Built]:
    """A scenario in ``folder`` over the holed market and ``future``, continuing from a copy of ``start``.

    It has the job ``prepare_unchecked_inputs`` too, which takes half the time where checks prove nothing.
    """
    if start is not None:
        shutil.copytree(start / "data", folder / "data")
    market, news = AlteredMarket(HOLES, BROKEN, future), AlteredNews(future)
    unchecked = dg.define_asset_job("prepare_unchecked_inputs", INPUTS.without_checks())
    with built(folder, SETTINGS | settings, market_data=market, news_source=news) as scenario:
        jobs = dg.Definitions(jobs=[unchecked])
        yield replace(scenario, definitions=dg.Definitions.merge(scenario.definitions, jobs))


def continued(
    folder: Path, future: Future | None, start: Path, stages: tuple[Stage, ...] = (prepare, train, decide)
) -> Built:
    """A finished build, to be read: the stages run over the whole span, each in one run."""
    with world(folder, future, start) as scenario:
        for stage in stages:
            stage(scenario)
        return scenario


def common_history(base: Path) -> Path:
    """The folder of the shared history, built on the first call: inputs and models, no decisions."""
    folder = base / "common-history"
    if not (folder / "done").exists():
        with world(folder, None) as scenario:
            scenario.run("prepare_inputs", *HISTORY)
            scenario.run("train_models", *HISTORY_MONTHS)
        (folder / "done").touch()
    return folder


def real_span(base: Path) -> Built:
    """The finished build with the real future, to be read; built on the first call."""
    folder = base / "real-span"
    if not (folder / "done").exists():
        scenario = continued(folder, None, common_history(base))
        (folder / "done").touch()
        return scenario
    with world(folder, None) as scenario:
        return scenario


@dataclass(frozen=True)
class Difference:
    """How a table differs between two builds: rows, as JSON text, that only one of them has."""

    table: str
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]

    def __str__(self) -> str:
        counts = (
            f"{len(self.only_first)} rows only in the first build, {len(self.only_second)} only in the second"
        )
        return f"{self.table}: {counts}; for example {self.only_first[:1]} and {self.only_second[:1]}"


def differences(first: Built, second: Built, until: date) -> dict[str, Difference]:
    """Tables in which two builds differ, by any bit, in what they say of sessions up to ``until``.

    This is the check of the time rules: of two builds whose futures part after the cut-off of ``until`` it
    must find nothing; a leak shows as the first table that it reached.
    """
    found = {}
    for table in comparable_tables():
        texts = [exact_text(known_by(scenario, table, until)) for scenario in (first, second)]
        if texts[0] != texts[1]:
            lines = [set(text.splitlines()) for text in texts]
            found[table] = Difference(
                table, tuple(sorted(lines[0] - lines[1])), tuple(sorted(lines[1] - lines[0]))
            )
    return found


def comparable_tables() -> list[str]:
    """Every table of the warehouse that says something of the market or of us, sorted."""
    return sorted({*TABLES, "market_price_revisions", "corporate_action_revisions"} - NOT_REPRODUCIBLE)


def known_by(scenario: Built, table: str, until: date) -> pl.DataFrame:
    """Reproducible columns of what ``table`` says of sessions up to ``until``, in a fixed order.

    Notes
    -----
    A deployment on the session after ``until`` is of a model that was cut off by ``until``. An exit from
    the universe after ``until`` counts as not known yet.
    """
    frame = scenario.content(table)
    day = _DAY_COLUMN.get(table, TABLES[table].slice_column if table in TABLES else None)
    if table == "news_article_scores":
        frame = frame.join(known_by(scenario, "news_articles", until), on="article_id", how="semi")
    if day is not None:
        last = xnys().shift(until, 1) if table == "model_deployments" else until
        frame = frame.filter(pl.col(day) <= (str(last) if frame.schema[day] == pl.String else last))
    if table in ("ticker_universe", "security_listings"):
        has_ended = (pl.col("valid_to") <= until).fill_null(False)
        frame = frame.with_columns(pl.when(has_ended).then(pl.col("valid_to", "reason_out")))
    return frame


def exact_text(frame: pl.DataFrame) -> str:
    """The frame as lines of JSON: numbers are printed so that each bit pattern has a text of its own.

    Arrow buffers would not do: they hold arbitrary bytes where a value is null.
    """
    instants = pl.col(pl.Datetime).to_physical()
    return f"{frame.schema}\n{frame.with_columns(instants).write_ndjson()}"


def report(found: dict[str, Difference]) -> str:
    """The differences as text, for the message of a failing test."""
    return "\n".join(map(str, found.values()))
