"""A headless Chromium, driven over the WebDriver protocol, as far as a look at a page needs it."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.graph.servers import free_port, polling, stop

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip


def absent() -> str | None:
    """What is missing to open a browser; None where nothing is."""
    if not any(map(shutil.which, _BROWSERS)):
        return f"no Chromium on the path (looked for {', '.join(_BROWSERS)})"
    return None if shutil.which("chromedriver") else "no chromedriver on the path"


@dataclass(frozen=True)
class Browser:
    """One window."""

    session_url: str

    def open(self, url: str) -> None:
        """Go to ``url`` and wait for its first load."""
        _post(f"{self.session_url}/url", {"url": url})

    def run(self, script: str) -> Any:
        """What the body of a JavaScript function returns."""
        return _post(f"{self.session_url}/execute/sync", {"script": script, "args": []})

    def wait_for(self, script: str, what: str, timeout_seconds: float = 60.0) -> Any:
        """The first true value that ``script`` returns; on none, the text of the page is in the error."""
        try:
            for _ in polling(timeout_seconds, what):
                if found := self.run(script):
                    return found
        except TimeoutError as error:
            raise AssertionError(
                f"{error}; the page says: {' '.join(self.text().split())[-1500:]}"
            ) from error
        raise AssertionError("polling ends with an error")

    def click(self, xpath: str, timeout_seconds: float = 60.0) -> None:
        """Press the mouse on the first element that ``xpath`` names, once it is there and nothing covers it."""
        self._act(xpath, "click", {}, timeout_seconds)

    def type(self, xpath: str, text: str, timeout_seconds: float = 60.0) -> None:
        """Key by key into the first element that ``xpath`` names."""
        self._act(xpath, "value", {"text": text}, timeout_seconds)

    def screenshot(self, path: Path) -> Path:
        """What the window shows, as a PNG at ``path``."""
        with urllib.request.urlopen(f"{self.session_url}/screenshot", timeout=120) as response:
            path.write_bytes(base64.b64decode(json.load(response)["value"]))
        return path

    def text(self) -> str:
        """What a person can read on the page."""
        return str(self.run("return document.body.innerText"))

    def _act(self, xpath: str, action: str, content: dict[str, Any], timeout_seconds: float) -> None:
        said = "it is not on the page"
        try:
            for _ in polling(timeout_seconds, xpath):
                found = _post(f"{self.session_url}/elements", {"using": "xpath", "value": xpath})
                if not found:
                    continue
                (element,) = found[0].values()
                try:
                    _post(f"{self.session_url}/element/{element}/{action}", content)
                except AssertionError as error:  # covered, not enabled yet, or drawn anew meanwhile
                    said = str(error)
                else:
                    return
        except TimeoutError as error:
            shown = " ".join(self.text().split())[-1500:]
            raise AssertionError(f"no {action} on {xpath}: {said}; the page says: {shown}") from error


@contextmanager
def chromium(folder: Path, width: int, height: int) -> Iterator[Browser]:
    """A browser with an empty profile under ``folder``; gone at the end of the block."""
    port, binary = free_port(), next(filter(None, map(shutil.which, _BROWSERS)))
    with (folder / "chromedriver.log").open("wb") as log:
        driver = subprocess.Popen(
            ["chromedriver", f"--port={port}"], stdout=log, stderr=log, start_new_session=True
        )
        try:
            options = [*_QUIET, f"--window-size={width},{height}", f"--user-data-dir={folder / 'profile'}"]
            wanted = {"goog:chromeOptions": {"binary": binary, "args": options}}
            server = f"http://127.0.0.1:{port}"
            _await(server)
            opened = _post(f"{server}/session", {"capabilities": {"alwaysMatch": wanted}})
            yield Browser(f"{server}/session/{opened['sessionId']}")
        finally:
            stop(driver)


def _await(server: str) -> None:
    for _ in polling(30.0, "chromedriver to answer", 0.2):
        try:
            with urllib.request.urlopen(f"{server}/status", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0)


def _post(url: str, content: dict[str, Any]) -> Any:
    request = urllib.request.Request(url, json.dumps(content).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=120) as response:
            return json.load(response)["value"]
    except urllib.error.HTTPError as error:
        raise AssertionError(f"the browser refused {url}: {error.read().decode()[:1000]}") from error
