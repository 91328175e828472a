"""Requests of one provider with httpx, under the policy: bounded in time and size, redirects checked."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from nextgen_resources.errors import (
    ProviderAddressError,
    ProviderError,
    ProviderOversizeError,
    ProviderTruncatedError,
    ProviderUnavailableError,
)
from nextgen_resources.http.addresses import check_peer, check_url
from nextgen_resources.http.answers import Answer, Expected
from nextgen_resources.http.masking import credentials_in, masked
from nextgen_resources.http.policy import HttpPolicy, Request

_REDIRECTS = 5
_MOVED = {301, 302, 303, 307, 308}


class HttpClient:
    """A provider's requests.

    Parameters
    ----------
    policy : HttpPolicy
        Shared by all providers.
    provider : str
        Name in ``provider_calls`` and in messages.
    hosts : collection of str
        Domains that requests and redirects may lead to.
    loopback_is_allowed : bool
        Whether this machine may be called; tests say so.

    Notes
    -----
    Redirects are followed by hand, five at most, each to an allowed, public address. A redirect to a
    consent page is not followed. The time-out spans the whole answer, drop by drop or not.
    """

    def __init__(
        self,
        policy: HttpPolicy,
        provider: str,
        hosts: Collection[str],
        *,
        loopback_is_allowed: bool = False,
    ) -> None:
        self._policy = policy
        self._provider = provider
        self._hosts = frozenset(hosts)
        self._loopback = loopback_is_allowed
        self._client: Any = None

    def get(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        expects: Expected = "json",
    ) -> Answer:
        """GET ``url``; headers are not part of what identifies the answer.

        Raises
        ------
        ProviderError
            The refusal of the last try.
        """
        full = f"{url}?{urlencode(params)}" if params else url
        return self._ask("GET", full, None, headers or {}, expects)

    def post(
        self,
        url: str,
        document: Any,
        headers: Mapping[str, str] | None = None,
        expects: Expected = "json",
    ) -> Answer:
        """POST ``document`` as JSON to ``url``; only for questions, since it may be sent three times.

        Raises
        ------
        ProviderError
            The refusal of the last try.
        """
        body = json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
        return self._ask("POST", url, body, {"content-type": "application/json", **(headers or {})}, expects)

    def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _ask(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], expects: Expected
    ) -> Answer:
        parts = urlsplit(url)
        identity = f"{method} {url}\n{body.decode() if body else ''}"
        request = Request(self._provider, f"{method} {parts.hostname}{parts.path}", identity, expects)
        return self._policy.ask(request, lambda: self._followed(method, url, body, headers))

    def _followed(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        who = f"{self._provider}: {method} {urlsplit(url).hostname}"
        deadline = self._policy.pace.monotonic() + self._policy.settings.timeout_seconds
        sent_headers = dict(headers)
        for _ in range(_REDIRECTS + 1):
            check_url(url, who, hosts=self._hosts, loopback_is_allowed=self._loopback)
            answer = self._once(method, url, body, sent_headers, who, deadline)
            target = answer.headers.get("location")
            if answer.status not in _MOVED or target is None:
                return answer
            there = urljoin(url, target)
            if "consent" in there.lower() or "guce." in there.lower():
                return answer  # judged as a consent redirect
            if urlsplit(there).netloc != urlsplit(url).netloc:
                sent_headers = {
                    k: v for k, v in sent_headers.items() if k.lower() in ("content-type", "accept")
                }
            if answer.status == 303 or (answer.status in (301, 302) and method == "POST"):
                method, body = "GET", None
            url = there
        raise ProviderAddressError(f"{who}: more than {_REDIRECTS} redirects; the last leads to {url[:120]}")

    def _once(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], who: str, deadline: float
    ) -> Answer:
        import httpx

        try:
            with self._http().stream(method, url, content=body, headers=dict(headers)) as response:
                self._check_connection(response, who)
                sent = credentials_in(headers)
                content = masked(self._read(response, who, deadline), sent)
                names = {
                    name.lower(): masked(value.encode(), sent).decode()
                    for name, value in response.headers.items()
                }
                return Answer(str(response.url), response.status_code, names, content)
        except ProviderError:
            raise
        except httpx.RemoteProtocolError as error:
            raise ProviderTruncatedError(f"{who}: the answer broke off ({error}); retry") from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise ProviderUnavailableError(
                f"{who}: {type(error).__name__}: {error or 'no details'}; check the network and retry"
            ) from error

    def _check_connection(self, response: Any, who: str) -> None:
        stream = response.extensions.get("network_stream")
        peer = stream.get_extra_info("server_addr") if stream is not None else None
        if peer is None:
            raise ProviderAddressError(f"{who}: the connection does not say where it leads; refused")
        check_peer(str(peer[0]), who, loopback_is_allowed=self._loopback)

    def _read(self, response: Any, who: str, deadline: float) -> bytes:
        limit, content = self._policy.settings.body_limit_bytes, bytearray()
        for part in response.iter_bytes():
            content += part
            if len(content) > limit:
                raise ProviderOversizeError(
                    f"{who}: the answer is larger than {limit} bytes (http.body_limit_bytes); reading was stopped"
                )
            if self._policy.pace.monotonic() > deadline:
                raise ProviderUnavailableError(
                    f"{who}: the answer was not complete within {self._policy.settings.timeout_seconds:g} s; retry"
                )
        return bytes(content)

    def _http(self) -> Any:
        if self._client is None:
            import httpx

            self._client = httpx.Client(
                timeout=self._policy.settings.timeout_seconds, follow_redirects=False, trust_env=False
            )
        return self._client
