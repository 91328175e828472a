"""A language model as a scorer, through the official client; any OpenAI-compatible address.

One call is one article for one ticker, so that no article can speak about another ticker or another article.
Calls run side by side up to a limit, each through the one HTTP policy. Before an article is sent, the most that its
calls can cost is set aside; an article that does not fit into what is left of the budget is not begun. A reply
that an earlier, unfinished run has paid for is taken as it was kept: no call, no cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import groupby
from threading import Event
from typing import Any

import polars as pl

from nextgen_resources.http.policy import HttpPolicy
from nextgen_resources.sentiment import SCORABLE_SCHEMA, SCORE_SCHEMA
from nextgen_resources.sentiment.llm.calls import UNSENT, Reply, Service
from nextgen_resources.sentiment.llm.pricing import Pricing
from nextgen_resources.sentiment.llm.prompt import Request, build_request, prompt_version
from nextgen_resources.sentiment.llm.replies import STOPPING
from nextgen_resources.sentiment.llm.transport import kept_replies, unpaced_policy
from nextgen_resources.sentiment.outcomes import (
    BUDGET_REACHED,
    COMPLETE,
    FAILURE_SCHEMA,
    STOPPED,
    Reserve,
    ScoringOutcome,
)

_ROUNDS = 4  # articles taken up at once, for each of the calls that run side by side
_FAILURES_TO_STOP = 5


@dataclass(frozen=True)
class _Item:
    article_id: str
    ticker: str
    request: Request


@dataclass
class _Tally:
    """What happened so far."""

    status: str = COMPLETE
    replies: list[tuple[_Item, Reply]] = field(default_factory=list)
    most_usd: float = 0.0
    cost_usd: float = 0.0
    failures_in_a_row: int = 0


def _is_held(reply: Reply) -> bool:
    return reply.retry_after_seconds is not None and reply.error_class in STOPPING


class Scorer:
    """Asks a language model about each article and ticker.

    Parameters
    ----------
    model : str
        Name of the model at the service; part of the key of every score.
    base_url : str
        Root of the service; redirects are not followed.
    api_key : callable, optional
        Gives the key, at the first call. Default: a word that services without keys accept.
    interface : str
        ``responses`` or ``chat``, by what the service offers.
    prompt : str
        File of ``prompts`` without its ending.
    knowledge_cutoff : date, optional
        Last day that the training of the model may remember; stored with every score.
    timeout_seconds, max_output_tokens, parallel_calls
        Limits of a call, and calls that run side by side.
    input_usd_per_million, output_usd_per_million : float
        Prices, for the budget.
    budget_usd : float
        Budget of `score`, which has no other.
    http : HttpPolicy, optional
        Spacing, breaker, Retry-After and the rows of ``provider_calls``, as provider ``openai``. Default: one
        outside a scenario, which holds nobody back and keeps nothing.
    """

    name = "openai"

    def __init__(
        self,
        model: str,
        base_url: str,
        *,
        api_key: Callable[[], str] = lambda: "none",
        interface: str = "responses",
        prompt: str = "article_v1",
        knowledge_cutoff: date | None = None,
        timeout_seconds: float = 30.0,
        max_output_tokens: int = 300,
        parallel_calls: int = 4,
        input_usd_per_million: float = 0.0,
        output_usd_per_million: float = 0.0,
        budget_usd: float = float("inf"),
        http: HttpPolicy | None = None,
    ) -> None:
        policy = http or unpaced_policy()
        self._prompt, self._parallel_calls, self._budget_usd = prompt, parallel_calls, budget_usd
        self.knowledge_cutoff = knowledge_cutoff
        self._pricing = Pricing(input_usd_per_million, output_usd_per_million, max_output_tokens)
        limits = timeout_seconds, max_output_tokens
        self._service = Service(base_url, api_key, interface, model, *limits, policy, kept_replies(policy))

    @property
    def model(self) -> str:
        """Name of the model at the service."""
        return self._service.model

    @property
    def prompt_version(self) -> str:
        """Name and hash of the prompt."""
        return prompt_version(self._prompt)

    def score(self, articles: pl.DataFrame) -> pl.DataFrame:
        """Scores of ``articles``; items that failed are absent. See `SentimentScorer.score`."""
        return self.attempt(articles, self._budget_usd).scores

    def attempt(
        self, articles: pl.DataFrame, budget_usd: float, reserve: Reserve | None = None
    ) -> ScoringOutcome:
        """Score ``articles`` for at most ``budget_usd``; see `PayingScorer.attempt`."""
        tally, waiting, is_held = _Tally(), list(self._by_article(articles)), Event()
        if not waiting:
            return self._outcome(tally)
        with self._service.connected() as client, ThreadPoolExecutor(self._parallel_calls) as pool:
            while waiting and tally.status == COMPLETE:
                taken = self._affordable(waiting, budget_usd - tally.cost_usd)
                if not taken:
                    tally.status = BUDGET_REACHED
                    break
                del waiting[: len(taken)]
                items = [item for article in taken for item in article]
                if reserve:
                    reserve(self._reserved(tally, items))
                replies = list(pool.map(lambda item: self._ask(client, item, is_held), items))
                for item, reply in zip(items, replies, strict=True):
                    self._count(tally, item, reply)
        return self._outcome(tally)

    def _ask(self, client: Any, item: _Item, is_held: Event) -> Reply:
        """The reply to ``item``; none is asked for once the service has stated a wait that is not worth waiting."""
        reply = UNSENT if is_held.is_set() else self._service.ask(client, item.request)
        if _is_held(reply):
            is_held.set()
        return reply

    def _by_article(self, articles: pl.DataFrame) -> Iterator[list[_Item]]:
        """Items of each article together, articles in the order of their first row."""
        first = articles.select(list(SCORABLE_SCHEMA)).with_row_index("row")
        rows = first.sort(pl.col("row").min().over("article_id"), "row").drop("row")
        for _, group in groupby(rows.iter_rows(), key=lambda row: row[0]):
            yield [
                _Item(article_id, ticker, build_request(self._prompt, ticker, headline, body))
                for article_id, ticker, headline, body in group
            ]

    def _affordable(self, waiting: list[list[_Item]], left_usd: float) -> list[list[_Item]]:
        """The first articles whose calls cannot cost more than is left, up to a few rounds of calls."""
        taken: list[list[_Item]] = []
        for article in waiting[: self._parallel_calls * _ROUNDS]:
            most = sum(map(self._most, article))
            if most > left_usd:
                break
            left_usd -= most
            taken.append(article)
        return taken

    def _most(self, item: _Item) -> float:
        """The most that asking can cost; nothing where the reply is there already."""
        return 0.0 if self._service.has_kept(item.request) else self._pricing.most(item.request)

    def _reserved(self, tally: _Tally, items: list[_Item]) -> ScoringOutcome:
        """What came so far, as if the run ended here and every call about to go cost the most it can."""
        most = sum(map(self._most, items))
        so_far = self._outcome(tally)
        return replace(
            so_far, status=STOPPED, most_usd=so_far.most_usd + most, cost_usd=so_far.cost_usd + most
        )

    def _count(self, tally: _Tally, item: _Item, reply: Reply) -> None:
        if reply is UNSENT:
            tally.status = STOPPED
            return
        tally.replies.append((item, reply))
        if not reply.is_kept:
            tally.most_usd += self._pricing.most(item.request)
            tally.cost_usd += self._pricing.spent(item.request, reply.usage)
        tally.failures_in_a_row = tally.failures_in_a_row + 1 if reply.error_class in STOPPING else 0
        has_failed_enough = tally.failures_in_a_row >= _FAILURES_TO_STOP
        if reply.error_class == "unauthorised" or _is_held(reply) or has_failed_enough:
            tally.status = STOPPED

    def _outcome(self, tally: _Tally) -> ScoringOutcome:
        version = {"scorer": self.name, "model": self.model, "prompt_version": self.prompt_version}
        scores: list[dict[str, Any]] = []
        failures: list[dict[str, Any]] = []
        for item, reply in tally.replies:
            key = {"article_id": item.article_id, "ticker": item.ticker} | version
            if reply.answer is None:
                told = {"error_class": reply.error_class, "detail": reply.detail}
                failures.append(key | told | {"retry_after_seconds": reply.retry_after_seconds})
                continue
            cost = self._pricing.spent(item.request, reply.usage)
            known = {"cost_usd": cost, "model_knowledge_cutoff": self.knowledge_cutoff}
            scores.append(key | reply.answer.model_dump() | known)
        sent = [reply.usage for _, reply in tally.replies if not reply.is_kept]
        asked = [item.request for item, _ in tally.replies]
        return ScoringOutcome(
            pl.DataFrame(scores, schema=dict(SCORE_SCHEMA)),
            pl.DataFrame(failures, schema=dict(FAILURE_SCHEMA)),
            tally.status,
            len(sent),
            sum(usage.input_tokens or 0 for usage in sent),
            sum(usage.output_tokens or 0 for usage in sent),
            tally.most_usd,
            tally.cost_usd,
            len(tally.replies) - len(sent),
            lambda: self._service.forget(asked),
        )
