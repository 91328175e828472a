"""When a request goes out, how often it is tried, what its answer counts as, and the row it leaves."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import tenacity

from nextgen_resources.clock import Clock, SystemClock
from nextgen_resources.errors import ProviderCircuitError, ProviderError
from nextgen_resources.http.answers import Answer, Expected, refusal_of
from nextgen_resources.http.journal import AnswerCache, Call, Journal
from nextgen_resources.http.pace import Breaker, Pace, Spacing
from nextgen_resources.settings.http_section import HttpSettings

_ALIVE = "ok", "not_found", "stated_error", "bad_data", "oversize"


@dataclass(frozen=True)
class Request:
    """One request as the policy sees it.

    Attributes
    ----------
    provider : str
        Who is asked; each has a rate and a breaker of its own.
    endpoint : str
        What is asked for, as ``provider_calls`` shows it: method, host and path, no query and no secret.
    identity : str
        Everything that determines the answer; hashed. Empty: the answer is never kept.
    expects : {'json', 'text', 'html', 'reply'}
        What the answer should be.
    is_paid : bool
        A try may cost money though no answer came: tried again only after a wait that the provider states.
    """

    provider: str
    endpoint: str
    identity: str = ""
    expects: Expected = "json"
    is_paid: bool = False

    @property
    def key(self) -> str:
        """Name of the answer in the cache."""
        return hashlib.sha256(f"{self.provider}\n{self.identity}".encode()).hexdigest()


class HttpPolicy:
    """The one way to ask a provider: spaced, tried at most so often, judged, written down.

    Parameters
    ----------
    settings : HttpSettings
        Limits.
    journal : Journal, optional
        Where calls and answers are kept; by default in memory.
    cache : AnswerCache, optional
        Where answers are kept when not in the journal's file (Redis).
    clock : Clock, optional
        Wall clock of ``started_at`` and of a Retry-After that names a moment.
    pace : Pace, optional
        What waiting runs on.

    Notes
    -----
    A request is tried again only when its error is retryable, after ``backoff × 2^n × U(0, 1)`` seconds
    (full jitter) or as long as the provider stated. A stated wait holds back every request to that
    provider. A failure is whatever leaves in doubt that the provider works; a 404 or a stated error
    about one ticker does not.

    References
    ----------
    .. [1] M. Brooker, Exponential Backoff And Jitter, AWS Architecture Blog, 2015.
    """

    def __init__(
        self,
        settings: HttpSettings,
        journal: Journal | None = None,
        cache: AnswerCache | None = None,
        clock: Clock | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        self.journal = journal or Journal(None, self.clock)
        self.pace = pace or Pace()
        self._cache: AnswerCache = cache or self.journal
        self._last_failure: dict[str, str] = {}
        self._gates: dict[str, tuple[Spacing, Breaker]] = {}

    def ask(self, request: Request, send: Callable[[], Answer]) -> Answer:
        """The answer to ``request``: kept from the unfinished run before, or sent for with ``send``.

        Parameters
        ----------
        send : callable
            One try; raises a `ProviderError` when nothing came back.

        Raises
        ------
        ProviderError
            The refusal of the last try, or `ProviderCircuitError` when nothing was sent.
        """
        with self._written_down(request) as call:
            if kept := self._kept(request):
                call.outcome = "cached"
                return kept
            answer = self._tried(request, send, call)
            call.outcome = "ok"
            if request.identity and self.settings.cache_ttl_seconds:
                self._cache.keep(request.key, answer, self.settings.cache_ttl_seconds)
            return answer

    def settle(self, stored: Iterable[str]) -> None:
        """Forget calls that the warehouse holds and the answers that led to them: the next run asks anew."""
        self.journal.settle(stored, self._cache)

    def _kept(self, request: Request) -> Answer | None:
        if not request.identity or not self.settings.cache_ttl_seconds:
            return None
        return self._cache.kept(request.key)

    @contextmanager
    def _written_down(self, request: Request) -> Iterator[Call]:
        call = Call(uuid4().hex, request.provider, request.endpoint, self.clock.now())
        started = self.pace.monotonic()
        try:
            yield call
        except ProviderError as error:
            call.outcome = error.outcome
            raise
        finally:
            call.seconds = max(0.0, self.pace.monotonic() - started)
            if call.tries or call.outcome == "cached":
                self.journal.write(call)

    def _tried(self, request: Request, send: Callable[[], Answer], call: Call) -> Answer:
        def once() -> Answer:
            return self._once(request, send, call)

        answer: Answer = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self.settings.tries),
            wait=self._seconds_to_wait,
            retry=tenacity.retry_if_exception(lambda error: self._may_be_tried_again(request, error)),
            sleep=self.pace.sleep,
            reraise=True,
        )(once)
        return answer

    def _once(self, request: Request, send: Callable[[], Answer], call: Call) -> Answer:
        spacing, breaker = self._gate(request.provider)
        if (left := breaker.admit()) is not None:
            raise ProviderCircuitError(
                f"{request.provider} failed {self.settings.breaker_failures} times in a row, so it is left alone for "
                f"another {left:.0f} s; the last failure: {self._last_failure.get(request.provider, 'unknown')}",
                retry_after_seconds=left,
            )
        spacing.wait()
        call.tries += 1
        outcome = "error"  # whatever is raised besides our errors: the provider did not answer usefully
        try:
            answer = send()
            refusal = refusal_of(
                answer, f"{request.provider}: {request.endpoint}", request.expects, self.clock.now()
            )
            if refusal is not None:
                raise refusal
            outcome = "ok"
        except ProviderError as error:
            outcome = error.outcome
            self._last_failure[request.provider] = str(error)
            if error.retry_after_seconds:
                spacing.hold(min(error.retry_after_seconds, self.settings.longest_wait_seconds))
            raise
        finally:
            breaker.succeed() if outcome in _ALIVE else breaker.fail()
        return answer

    def _may_be_tried_again(self, request: Request, error: BaseException) -> bool:
        if not isinstance(error, ProviderError) or isinstance(error, ProviderCircuitError):
            return False
        if request.is_paid and error.retry_after_seconds is None:
            return False
        stated = error.retry_after_seconds or 0.0
        return error.is_retryable and stated <= self.settings.longest_wait_seconds

    def _seconds_to_wait(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        stated = getattr(error, "retry_after_seconds", None)
        if stated is not None:
            return float(stated)
        most: float = self.settings.backoff_seconds * 2.0**state.attempt_number
        return most * self.pace.draw()

    def _gate(self, provider: str) -> tuple[Spacing, Breaker]:
        if provider not in self._gates:
            rate = self.settings.provider_requests_per_minute.get(provider, self.settings.requests_per_minute)
            breaker = Breaker(
                self.settings.breaker_failures, self.settings.breaker_cooldown_seconds, self.pace
            )
            self._gates[provider] = Spacing(rate, self.pace), breaker
        return self._gates[provider]


def policy_at(
    settings: HttpSettings,
    file: Path,
    scenario_id: str,
    redis_url: str | None = None,
    clock: Clock | None = None,
) -> HttpPolicy:
    """The policy of a scenario, its calls and answers in ``file``, or its answers in Redis.

    Notes
    -----
    Nothing is opened before the first request.
    """
    cache: AnswerCache | None = None
    if redis_url:
        from nextgen_resources.http.redis_cache import RedisCache

        cache = RedisCache(redis_url, scenario_id, clock)
    return HttpPolicy(settings, Journal(file, clock), cache, clock)


def default_http_settings(**overrides: Any) -> HttpSettings:
    """The section ``http`` of ``defaults.yaml``, single values replaced: for use outside a scenario."""
    from nextgen_resources.settings.yaml_values import parse_yaml

    text = (Path(__file__).parents[1] / "settings" / "defaults.yaml").read_text(encoding="utf-8")
    values: Mapping[str, Any] = parse_yaml(text)["http"]
    return HttpSettings(**{**values, **overrides})
