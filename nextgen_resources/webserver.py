"""``nextgen-webserver``: Dagster's webserver behind a door that other sites cannot knock at.

The stock webserver takes a mutation as the query string of a GET, and any content type: a page of another site
that is open in the same browser could start or delete runs with an image tag. Here a request must be of this
very site: its Host is one that we serve under (against DNS rebinding), its Origin, where the browser tells it,
is the same, and GraphQL comes as JSON by POST, which no other site can send without a permission that is never given.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

HOSTS_VARIABLE = "NEXTGEN_UI_HOSTS"
"""Names under which a proxy serves the UI, apart by commas; this machine's own are always served."""
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class SameSiteOnly:
    """ASGI middleware that answers 403 to what another site's page sends.

    Parameters
    ----------
    app : callable
        What is behind it.
    hosts : frozenset of str
        Host names, without port, under which the UI is served.
    """

    def __init__(self, app: App, hosts: frozenset[str] = LOCAL_HOSTS) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer that it is refused."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        reason = self._refusal(scope)
        if reason is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": reason})
        else:
            headers = [(b"content-type", b"text/plain; charset=utf-8")]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": f"refused: {reason}\n".encode()})

    def _refusal(self, scope: Scope) -> str | None:
        headers = {name.decode("latin-1").lower(): text.decode("latin-1") for name, text in scope["headers"]}
        host = headers.get("host", "")
        if _name(host) not in self._hosts:
            return f"this UI is not served as {_name(host)!r}; name it in {HOSTS_VARIABLE} if a proxy does"
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return "the request comes from a page of another site"
        is_page = scope.get("method") == "GET" and headers.get("sec-fetch-mode") == "navigate"
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and not is_page:
            return "the request comes from a page of another site"
        if scope["type"] == "http" and scope["path"].rstrip("/").endswith("/graphql"):
            return _refusal_of_graphql(scope, headers)
        return None


def _refusal_of_graphql(scope: Scope, headers: MutableMapping[str, str]) -> str | None:
    if scope["method"] == "GET" and scope.get("query_string"):
        return "GraphQL is taken by POST only"
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    # uploads of the UI are multipart and carry the Origin that was checked above
    is_upload = content_type == "multipart/form-data" and "origin" in headers
    if scope["method"] == "POST" and content_type != "application/json" and not is_upload:
        return "GraphQL is taken as application/json only"
    return None


def _name(host: str) -> str:
    """The name in a Host header, without its port."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def allowed_hosts(stated: str) -> frozenset[str]:
    """This machine's names and those that were stated, apart by commas."""
    return LOCAL_HOSTS | {name.strip().lower() for name in stated.split(",") if name.strip()}


def main() -> None:
    """Run Dagster's webserver with its own options, behind the middleware."""
    from dagster_webserver.cli import main as run
    from dagster_webserver.webserver import DagsterWebserver
    from starlette.middleware import Middleware

    hosts, stock = allowed_hosts(os.environ.get(HOSTS_VARIABLE, "")), DagsterWebserver.build_middleware

    def build_middleware(self: Any) -> list[Middleware]:
        return [Middleware(SameSiteOnly, hosts=hosts), *stock(self)]

    DagsterWebserver.build_middleware = build_middleware  # type: ignore[method-assign]
    run()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
