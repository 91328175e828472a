"""The way of a call to the language model: the official client above, the one HTTP policy and the network below.

A reply is paid for once it has come. So it is kept on disk at once, under a key of what was asked, until what was
made of it is in the warehouse: a run that was killed takes it from there in place of asking again.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from nextgen_resources.errors import ProviderError, ProviderUnavailableError
from nextgen_resources.http.answers import Answer
from nextgen_resources.http.journal import Journal
from nextgen_resources.http.policy import HttpPolicy, Request, default_http_settings

PROVIDER = "openai"
KEY_HEADER, KEPT_HEADER = "x-nextgen-key", "x-nextgen-kept"
_KEPT_FILE, _KEPT_SECONDS = "paid_replies.sqlite", 30 * 86_400.0
_OF_THE_CONNECTION = frozenset({"content-encoding", "content-length", "transfer-encoding", "connection"})


def unpaced_policy() -> HttpPolicy:
    """A policy outside a scenario: it judges and writes down in memory, and holds nobody back."""
    limits: dict[str, Any] = {"requests_per_minute": 60_000, "breaker_failures": 100}
    return HttpPolicy(default_http_settings(provider_requests_per_minute={}, **limits))


def kept_replies(policy: HttpPolicy) -> Journal | None:
    """Where replies of an unfinished run are kept: beside the journal; None for a policy in memory."""
    folder = policy.journal.folder
    return None if folder is None else Journal(folder / _KEPT_FILE, policy.clock)


def policy_transport(policy: HttpPolicy, kept: Journal | None, *, checks_certificates: bool) -> Any:
    """A transport of httpx2 that asks through ``policy``.

    Notes
    -----
    A try may have cost money even if no reply came, so a request is tried again only after a wait that the
    service states (Retry-After). A refusal by status goes up to the client as it came, with its headers; what
    never came goes up as the error of httpx2; `ProviderCircuitError` goes up itself: nothing was sent.
    """
    import httpx2

    class PolicyTransport(httpx2.BaseTransport):
        def __init__(self) -> None:
            self._below = httpx2.HTTPTransport(verify=checks_certificates)

        def handle_request(self, request: Any) -> Any:
            key = request.headers.pop(KEY_HEADER, "")
            if kept is not None and (known := kept.kept(key)):
                return _response(known, request, {KEPT_HEADER: "1"})
            came: list[Answer] = []

            def send() -> Answer:
                came[:] = [self._sent(request)]
                return came[0]

            where = urlsplit(str(request.url))
            asked = Request(PROVIDER, f"POST {where.hostname}{where.path}", expects="reply", is_paid=True)
            try:
                answer = policy.ask(asked, send)
            except ProviderError as error:
                if came:
                    return _response(came[0], request, {})
                if isinstance(error.__cause__, httpx2.HTTPError):
                    raise error.__cause__ from None
                raise
            if kept is not None:
                kept.keep(key, answer, _KEPT_SECONDS)
            return _response(answer, request, {})

        def _sent(self, request: Any) -> Answer:
            try:
                response = self._below.handle_request(request)
                try:
                    body = response.read()
                finally:
                    response.close()
            except httpx2.HTTPError as error:
                raise ProviderUnavailableError(f"{PROVIDER}: {type(error).__name__}") from error
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Answer(str(request.url), response.status_code, headers, body)

        def close(self) -> None:
            self._below.close()

    def _response(answer: Answer, request: Any, added: dict[str, str]) -> Any:
        headers = {k: v for k, v in answer.headers.items() if k not in _OF_THE_CONNECTION}
        return httpx2.Response(answer.status, headers=headers | added, content=answer.body, request=request)

    return PolicyTransport()
