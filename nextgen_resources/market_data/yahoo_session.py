"""The session that yfinance sends with: curl_cffi under our policy, with the addresses that we allow.

yfinance decides itself what to ask, reads some refusals as "no data" and repeats others; so every request
that it makes passes through here, where a refusal raises before yfinance can read it. Its cookie and its
crumb are a help and no need for charts: when Yahoo refuses them, yfinance goes on without, and they are
not asked for again for a while. Consent pages are not clicked through.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

from nextgen_resources.errors import (
    ProviderAddressError,
    ProviderCircuitError,
    ProviderError,
    ProviderNotFoundError,
    ProviderOversizeError,
    ProviderTruncatedError,
    ProviderUnauthorizedError,
    ProviderUnavailableError,
    SettingsError,
)
from nextgen_resources.http.addresses import check_peer, check_url
from nextgen_resources.http.answers import Answer, Expected
from nextgen_resources.http.policy import HttpPolicy, Request

HOSTS = ("yahoo.com",)
_COOKIE_HOSTS = ("fc.yahoo.com", "guce.yahoo.com", "consent.yahoo.com")
_REDIRECTS = 5
_MOVED = (301, 302, 303, 307, 308)
_COOKIE_PAUSE_SECONDS = 900.0
_BROKEN_OFF, _TOO_LARGE = (18, 56), 63
"""curl's numbers for a partial file, a connection that was cut while receiving, and a file over the limit."""


class CookieRefusedError(OSError):
    """Yahoo refused a cookie or a crumb; yfinance takes it for a passing fault and goes on without one."""


class _Gateway:
    """Sends what yfinance asks for, under the policy."""

    def __init__(self, http: HttpPolicy, curl: Any, *, is_rerouted: bool) -> None:
        self._http = http
        self._curl = curl
        self._is_rerouted = is_rerouted
        self._cookies_wanted_from = 0.0
        self._was_unauthorized = False
        self.last: Answer | None = None

    def ask(self, method: str, url: str, options: dict[str, Any]) -> Answer:
        """The answer to one request of yfinance."""
        parts = urlsplit(url)
        if parts.hostname in _COOKIE_HOSTS or parts.path.endswith("/getcrumb"):
            return self._cookie(method, url, options)
        params: Mapping[str, Any] = options.get("params") or {}
        asked = sorted((key, str(value)) for key, value in params.items() if key != "crumb")
        identity = f"{method} {url} {asked} {options.get('json')}"
        request = Request("yahoo", f"{method} {parts.hostname}{parts.path}", identity)
        try:
            self.last = self._http.ask(request, lambda: self._followed(method, url, options))
        except ProviderUnauthorizedError:
            if self._was_unauthorized:
                raise
            self._was_unauthorized = True  # yfinance renews its cookie and asks once more
            return Answer(url, 401, {}, b"")
        self._was_unauthorized = False
        return self.last

    def _cookie(self, method: str, url: str, options: dict[str, Any]) -> Answer:
        if self._http.pace.monotonic() < self._cookies_wanted_from:
            raise CookieRefusedError("Yahoo refused a cookie a short while ago; going on without")
        parts = urlsplit(url)
        expects: Expected = "text" if parts.path.endswith("/getcrumb") else "html"
        request = Request("yahoo", f"{method} {parts.hostname}{parts.path}", expects=expects)
        answers: list[Answer] = []

        def send() -> Answer:
            answers.append(self._followed(method, url, options))
            return answers[-1]

        try:
            return self._http.ask(request, send)
        except ProviderCircuitError:
            raise
        except ProviderNotFoundError:
            if parts.hostname == "fc.yahoo.com":
                return answers[-1]  # its 404 brings the cookie
            raise self._without_cookies() from None
        except ProviderError as error:
            raise self._without_cookies() from error

    def _without_cookies(self) -> CookieRefusedError:
        self._cookies_wanted_from = self._http.pace.monotonic() + _COOKIE_PAUSE_SECONDS
        return CookieRefusedError("Yahoo refused a cookie; going on without")

    def _followed(self, method: str, url: str, options: dict[str, Any]) -> Answer:
        who = f"yahoo: {method} {urlsplit(url).hostname}"
        sent = dict(options)
        for _ in range(_REDIRECTS + 1):
            check_url(
                url,
                who,
                hosts=HOSTS,
                loopback_is_allowed=self._is_rerouted,
                names_are_resolved=not self._is_rerouted,
            )
            answer = self._once(method, url, sent, who)
            target = answer.headers.get("location")
            if answer.status not in _MOVED or target is None or "consent" in target.lower():
                return answer
            url, sent["params"] = urljoin(url, target), None
            if answer.status == 303:
                method, sent["data"], sent["json"] = "GET", None, None
        raise ProviderAddressError(f"{who}: more than {_REDIRECTS} redirects; the last leads to {url[:120]}")

    def _once(self, method: str, url: str, options: dict[str, Any], who: str) -> Answer:
        from curl_cffi.requests.exceptions import RequestException

        limit = self._http.settings.body_limit_bytes
        try:
            response = self._curl(method, url, options)
        except RequestException as error:
            if error.code in _BROKEN_OFF:
                raise ProviderTruncatedError(f"{who}: the answer broke off ({error}); retry") from error
            if error.code == _TOO_LARGE:
                raise ProviderOversizeError(
                    f"{who}: the answer is larger than {limit} bytes (http.body_limit_bytes)"
                ) from error
            raise ProviderUnavailableError(
                f"{who}: {type(error).__name__}: {error}; check the network and retry"
            ) from error
        check_peer(response.primary_ip, who, loopback_is_allowed=self._is_rerouted)
        if len(response.content) > limit:
            raise ProviderOversizeError(
                f"{who}: the answer is larger than {limit} bytes (http.body_limit_bytes)"
            )
        headers = {str(name).lower(): str(value) for name, value in response.headers.items()}
        if "content-encoding" in headers:
            headers.pop("content-length", None)  # it counts the compressed bytes
        return Answer(response.url, response.status_code, headers, response.content)


def polite_session(http: HttpPolicy, server: str | None = None, ca_file: str | None = None) -> Any:
    """A curl_cffi session for yfinance, every request of which goes through ``http``.

    Parameters
    ----------
    server : str, optional
        ``address:port`` of a mirror that answers for all of Yahoo's names (curl's RESOLVE and PORT); this
        machine may be one then. URLs, names and certificates stay Yahoo's.
    ca_file : str, optional
        Certificates to trust in place of the built-in ones.

    Raises
    ------
    SettingsError
        ``server`` is not an IP address and a port.

    Notes
    -----
    Proxies of the environment are not used: a proxy would hide where a name leads.
    """
    from curl_cffi import CurlOpt, requests

    curl_options: dict[Any, Any] = {CurlOpt.MAXFILESIZE_LARGE: http.settings.body_limit_bytes}
    if server is not None:
        address, port = _address_and_port(server)
        curl_options |= {CurlOpt.PORT: port, CurlOpt.RESOLVE: [f"*:{port}:{address}"]}

    class PoliteSession(requests.Session[Any]):
        """What yfinance takes for an ordinary session."""

        def __init__(self) -> None:
            super().__init__(
                impersonate="chrome",
                trust_env=False,
                verify=ca_file or True,  # type: ignore[arg-type]
                curl_options=curl_options,
            )
            self.gateway = _Gateway(http, self._plain, is_rerouted=server is not None)

        def _plain(self, method: str, url: str, options: dict[str, Any]) -> Any:
            fixed = {"allow_redirects": False, "timeout": http.settings.timeout_seconds}
            return super().request(method, url, **{**options, **fixed})  # type: ignore[arg-type]

        def request(self, method: str, url: str, **options: Any) -> Any:  # type: ignore[override]
            answer = self.gateway.ask(method, url, options)
            response = requests.Response()
            response.url, response.status_code, response.content = answer.url, answer.status, answer.body
            response.ok = answer.status < 400
            response.headers = requests.Headers(dict(answer.headers))
            return response

    return PoliteSession()


def _address_and_port(server: str) -> tuple[str, int]:
    address, _, port = server.rpartition(":")
    try:
        ipaddress.ip_address(address.strip("[]"))
        if not 0 < int(port) < 65_536:
            raise ValueError
    except ValueError:
        raise SettingsError(
            f"yahoo: server is {server!r}, expected an IP address and a port: 127.0.0.1:8443"
        ) from None
    return address, int(port)
