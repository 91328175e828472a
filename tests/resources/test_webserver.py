"""Pages of other sites cannot act through the browser of someone who has the UI open."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from nextgen_resources.webserver import LOCAL_HOSTS, SameSiteOnly, allowed_hosts
from tests.graph.servers import PROJECT, Api, Door, await_loaded, free_port

HERE = {"host": "127.0.0.1:3000"}
JSON = {"content-type": "application/json"}


def status(method: str, path: str, headers: dict[str, str], query: str = "", kind: str = "http") -> int:
    """200 when the request reaches what is behind, else what the door answers."""
    sent: list[dict[str, Any]] = []

    async def behind(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any: ...

    scope = {
        "type": kind,
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), text.encode()) for name, text in headers.items()],
    }
    asyncio.run(SameSiteOnly(behind, LOCAL_HOSTS)(scope, receive, send))
    return int(sent[0].get("status", sent[0].get("code")))


@pytest.mark.parametrize(
    ("method", "path", "headers", "query"),
    [
        ("GET", "/", HERE, ""),
        ("GET", "/assets", HERE | {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, ""),  # a link
        ("POST", "/graphql", HERE | JSON | {"origin": "http://127.0.0.1:3000", "sec-fetch-site": "same-origin"}, ""),
        ("POST", "/graphql", HERE | JSON, ""),  # a script on this machine
        ("GET", "/graphql", HERE, ""),  # the playground's page
        ("POST", "/graphql", HERE | {"content-type": "multipart/form-data; boundary=x", "origin": "http://127.0.0.1:3000"}, ""),
        ("GET", "/", {"host": "localhost:3000"}, ""),
        ("GET", "/", {"host": "[::1]:3000"}, ""),
    ],
)  # fmt: skip
def test_requests_of_the_ui_and_of_scripts_pass(
    method: str, path: str, headers: dict[str, str], query: str
) -> None:
    assert status(method, path, headers, query) == 200


@pytest.mark.parametrize(
    ("method", "path", "headers", "query"),
    [
        ("GET", "/graphql", HERE, "query=mutation{x}"),  # an image tag
        ("GET", "/graphql/", HERE, "query=mutation{x}"),
        ("POST", "/graphql", HERE, "query=mutation{x}"),  # a form
        ("POST", "/graphql", HERE | {"content-type": "text/plain"}, ""),
        ("POST", "/graphql", HERE | {"content-type": "multipart/form-data"}, ""),
        ("POST", "/graphql", HERE | {"content-type": "application/x-www-form-urlencoded"}, ""),
        ("POST", "/graphql", HERE | JSON | {"origin": "https://evil.example"}, ""),
        ("POST", "/graphql", HERE | JSON | {"origin": "null"}, ""),
        ("POST", "/graphql", HERE | JSON | {"origin": "http://127.0.0.1:4000"}, ""),
        ("POST", "/graphql", HERE | JSON | {"sec-fetch-site": "cross-site"}, ""),
        ("POST", "/graphql", HERE | JSON | {"sec-fetch-site": "same-site", "sec-fetch-mode": "navigate"}, ""),
        ("GET", "/notebook", HERE | {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, ""),
        ("GET", "/", {"host": "rebound.example:3000"}, ""),
        ("GET", "/", {"host": ""}, ""),
        ("GET", "/", {}, ""),
    ],
)
def test_what_another_site_can_make_a_browser_send_is_refused(
    method: str, path: str, headers: dict[str, str], query: str
) -> None:
    assert status(method, path, headers, query) == 403


def test_socket_of_another_site_is_closed() -> None:
    assert status("GET", "/graphql", HERE | {"origin": "https://evil.example"}, kind="websocket") == 1008
    assert status("GET", "/graphql", HERE | {"origin": "http://127.0.0.1:3000"}, kind="websocket") == 200


def test_names_of_a_proxy_are_served_when_they_are_stated() -> None:
    assert allowed_hosts(" UI.example.org, other ") == LOCAL_HOSTS | {"ui.example.org", "other"}
    assert allowed_hosts("") == LOCAL_HOSTS


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_real_webserver_refuses_them_and_serves_its_own_page(tmp_path: Path) -> None:
    door = Door.to(tmp_path, {})
    port = free_port()
    where = ("-w", str(PROJECT / "workspace.yaml"), "-h", "127.0.0.1", "-p", str(port))
    base = f"http://127.0.0.1:{port}"
    with door.serving("python", "-m", "nextgen_resources.webserver", *where) as process:
        await_loaded(Api(f"{base}/graphql"), process)

        def ask(path: str, body: bytes | None = None, **headers: str) -> int:
            named = {name.replace("_", "-"): text for name, text in headers.items()}
            try:
                with urllib.request.urlopen(
                    urllib.request.Request(base + path, body, named), timeout=30
                ) as answer:
                    return int(answer.status)
            except urllib.error.HTTPError as error:
                error.close()
                return error.code

        query = json.dumps({"query": "{ version }"}).encode()
        assert ask("/graphql", query, content_type="application/json") == 200
        assert ask("/graphql", query, content_type="application/json", origin=base) == 200
        assert ask("/") == 200
        assert ask("/graphql", query, content_type="application/json", origin="https://evil.example") == 403
        assert ask("/graphql", query, content_type="text/plain") == 403
        assert ask("/graphql?query=%7Bversion%7D") == 403
        assert ask("/", host="rebound.example") == 403
