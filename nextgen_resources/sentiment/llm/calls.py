"""One call to an OpenAI-compatible service: the real client, an explicit time limit, every failure named."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from nextgen_resources.errors import ProviderCircuitError, ProviderError
from nextgen_resources.http.answers import retry_after_seconds
from nextgen_resources.http.journal import Journal
from nextgen_resources.http.policy import HttpPolicy
from nextgen_resources.sentiment.llm.prompt import Request
from nextgen_resources.sentiment.llm.replies import (
    ArticleScore,
    ReplyError,
    Usage,
    check_completion,
    check_response,
    usage_of,
    within_bounds,
)
from nextgen_resources.sentiment.llm.transport import KEPT_HEADER, KEY_HEADER, policy_transport

NO_USAGE = Usage(None, None)
NOT_SENT = Usage(0, 0)


@dataclass(frozen=True)
class Reply:
    """What came of one call: an answer, or the class and detail of a failure.

    ``retry_after_seconds`` is the wait that the service stated; ``is_kept`` says that an earlier run paid for the
    reply and that nothing was sent.
    """

    answer: ArticleScore | None
    usage: Usage
    error_class: str | None = None
    detail: str | None = None
    retry_after_seconds: float | None = None
    is_kept: bool = False


UNSENT = Reply(None, NOT_SENT, "unsent", "the service is left alone for a while")
"""The circuit breaker let nothing through: no call, no attempt."""


@dataclass(frozen=True)
class Service:
    """Where and how to call.

    Attributes
    ----------
    base_url : str
        Root of the service, such as ``https://api.openai.com/v1``. Redirects are not followed.
    api_key : callable
        Gives the key when the client is made; it stands in no field and no representation.
    interface : str
        ``responses`` or ``chat``.
    timeout_seconds : float
        Longest wait for a connection and for each part of the reply.
    max_output_tokens : int
        Limit of the reply.
    http : HttpPolicy
        Every call goes through it, as provider ``openai``.
    kept : Journal or None
        Where replies are kept until `forget`.
    """

    base_url: str
    api_key: Callable[[], str]
    interface: str
    model: str
    timeout_seconds: float
    max_output_tokens: int
    http: HttpPolicy
    kept: Journal | None = None

    def key(self, request: Request) -> str:
        """The name under which the reply to ``request`` is kept."""
        said = (self.base_url, self.interface, self.model, str(self.max_output_tokens), request.identity)
        return hashlib.sha256("\n".join(said).encode()).hexdigest()

    def has_kept(self, request: Request) -> bool:
        """Whether an unfinished run has left the reply to ``request``."""
        return self.kept is not None and self.kept.kept(self.key(request)) is not None

    def forget(self, requests: Iterable[Request]) -> None:
        """Let go of the replies to ``requests``: what was made of them is stored."""
        if self.kept is not None:
            self.kept.forget(self.key(request) for request in requests)
            self.kept.close()

    def ask(self, client: Any, request: Request) -> Reply:
        """Call once through a client of `connected` and read the reply; a failure is returned, never raised."""
        import httpx2
        import openai

        try:
            raw = self._send(client, request)
        except ProviderCircuitError:
            return UNSENT
        except openai.APITimeoutError:
            return Reply(None, NO_USAGE, "timeout", f"no reply within {self.timeout_seconds:g} s")
        except openai.APIConnectionError as error:
            if isinstance(error.__cause__, httpx2.ConnectError):
                return Reply(None, NOT_SENT, "unavailable", "no connection")
            return Reply(None, NO_USAGE, "unavailable", "the connection broke")
        except openai.APIStatusError as error:
            stated = retry_after_seconds(error.response.headers.get("retry-after"), self.http.clock.now())
            return Reply(None, NOT_SENT, *_class_of_status(error.status_code), retry_after_seconds=stated)
        except openai.OpenAIError as error:
            return Reply(None, NO_USAGE, "schema_error", type(error).__name__)
        is_kept = KEPT_HEADER in raw.http_response.headers
        return replace(self._read(raw), is_kept=is_kept)

    def _read(self, raw: Any) -> Reply:
        import openai

        try:
            body = json.loads(raw.http_response.text)
        except ValueError:
            return Reply(None, NO_USAGE, "schema_error", "the reply is not JSON")
        usage = usage_of(body)
        try:
            if self.interface == "responses":
                check_response(body)
                parsed = raw.parse().output_parsed
            else:
                check_completion(body)
                parsed = raw.parse().choices[0].message.parsed
            if not isinstance(parsed, ArticleScore):
                raise ReplyError("schema_error", "the reply holds no parsed answer")
            return Reply(within_bounds(parsed), usage)
        except ReplyError as error:
            return Reply(None, usage, error.error_class, error.detail)
        except (
            ValidationError,
            openai.OpenAIError,
            ValueError,
            TypeError,
            AttributeError,
            KeyError,
        ) as error:
            return Reply(None, usage, "schema_error", type(error).__name__)

    def _send(self, client: Any, request: Request) -> Any:
        named = {KEY_HEADER: self.key(request)}
        if self.interface == "responses":
            return client.responses.with_raw_response.parse(
                model=self.model,
                instructions=request.instructions,
                input=request.message,
                text_format=ArticleScore,
                max_output_tokens=self.max_output_tokens,
                store=False,
                extra_headers=named,
            )
        return client.chat.completions.with_raw_response.parse(
            model=self.model,
            messages=[
                {"role": "system", "content": request.instructions},
                {"role": "user", "content": request.message},
            ],
            response_format=ArticleScore,
            max_tokens=self.max_output_tokens,
            extra_headers=named,
        )

    @contextmanager
    def connected(self) -> Iterator[Any]:
        """The real client, closed afterwards; it can be used from several threads.

        Raises
        ------
        ProviderError
            The package is not installed; install the extra.
        """
        try:
            import httpx2
            import openai
        except ImportError as error:
            raise ProviderError(
                "openai: the package openai is not installed; install the extra: pip install 'nextgen[openai]'"
            ) from error
        with (
            httpx2.Client(
                timeout=self.timeout_seconds,
                follow_redirects=False,
                transport=policy_transport(
                    self.http,
                    self.kept,
                    checks_certificates=self.base_url.startswith("https:"),  # else there is nothing to load
                ),
            ) as http_client,
            openai.OpenAI(
                api_key=self.api_key(),
                base_url=self.base_url,
                max_retries=0,  # the schedule retries, where everyone can see it
                http_client=http_client,
            ) as client,
        ):
            try:
                yield client
            finally:
                if self.kept is not None:
                    self.kept.close()


def _class_of_status(status: int) -> tuple[str, str]:
    """Class and detail; the words of the server are left out, since they may quote a key or the article."""
    detail = f"HTTP status {status}"
    if status == 429:
        return "rate_limited", detail
    if status in (401, 403):
        return "unauthorised", detail
    if status == 408:
        return "timeout", detail
    return ("unavailable" if status >= 500 else "rejected"), detail
