"""TradingView on this machine: a screener over HTTP and a websocket that speaks its frames."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time
from socket import SHUT_RDWR
from typing import Any
from zoneinfo import ZoneInfo

from nextgen_resources.http.policy import HttpPolicy
from nextgen_resources.market_data.tradingview import Provider
from nextgen_resources.market_data.tradingview_frames import command, pack, unpack
from tests.resources.http.loopback import Reply, Seen, serving

HELLO = {
    "session_id": "<0.1.2>_chart@here",
    "timestamp": 1709512185,
    "protocol": "json",
    "auth_scheme_vsn": 2,
}


def opening(day: date) -> int:
    """Seconds since 1970 of 9:30 in New York."""
    return int(datetime.combine(day, time(9, 30), ZoneInfo("America/New_York")).timestamp())


@dataclass
class Market:
    """What the server knows and how it misbehaves.

    Attributes
    ----------
    bars : dict
        Symbol to rows of (start, open, high, low, close, volume), ascending.
    page : int
        Bars that one update holds at most.
    drop_after : list of int
        For each connection in turn, after how many updates it is dropped; 0: never.
    """

    bars: dict[str, list[tuple[float, ...]]] = field(default_factory=dict)
    quotes: dict[str, dict[str, Any]] = field(default_factory=dict)
    page: int = 1000
    drop_after: list[int] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    commands: list[tuple[str, list[Any]]] = field(default_factory=list)
    heartbeats: list[str] = field(default_factory=list)
    connections: int = 0
    is_silent: bool = False
    origins: list[str] = field(default_factory=list)


class _Line:
    """One connection."""

    def __init__(self, market: Market, socket: Any) -> None:
        self.market, self.socket, self.sent, self.beats = market, socket, 0, 0
        drops = market.drop_after
        self.limit = drops[market.connections] if market.connections < len(drops) else 0
        market.connections += 1
        self.symbols: dict[str, str] = {}
        self.told: dict[str, int] = {}

    def talk(self) -> None:
        self.socket.send(pack(json.dumps(HELLO)))
        for message in self.socket:
            for text in unpack(message):
                if text.startswith("~h~"):
                    self.market.heartbeats.append(text)
                    continue
                document = json.loads(text)
                self.market.commands.append((document["m"], document["p"]))
                if not self.market.is_silent:
                    getattr(self, f"on_{document['m']}", lambda *_: None)(*document["p"])

    def beat(self) -> None:
        """A heartbeat, and nothing more until it has been answered."""
        self.beats += 1
        self.socket.send(pack(f"~h~{self.beats}"))
        (answer,) = unpack(self.socket.recv(timeout=5))
        self.market.heartbeats.append(answer)

    def on_resolve_symbol(self, chart: str, name: str, wanted: str) -> None:
        symbol = json.loads(wanted.removeprefix("="))["symbol"]
        if symbol not in self.market.bars:
            self.socket.send(command("symbol_error", [chart, name, "invalid symbol"]))
            return
        self.symbols[chart] = symbol
        info = {"timezone": "America/New_York", "pro_name": symbol}
        self.socket.send(command("symbol_resolved", [chart, name, info]))

    def on_create_series(
        self, chart: str, series: str, name: str, _: str, interval: str, count: int, *rest: Any
    ) -> None:
        if chart in self.symbols:
            self.socket.send(command("series_loading", [chart, series, name]))
            self.beat()
            for text in self.market.extra:
                self.socket.send(text)
            self.update(chart, series, name, count)

    def on_request_more_data(self, chart: str, series: str, count: int) -> None:
        self.update(chart, series, "s1", count)

    def update(self, chart: str, series: str, name: str, count: int) -> None:
        rows = self.market.bars[self.symbols[chart]]
        last = len(rows) - self.told.get(chart, 0)
        first = max(0, last - min(count, self.market.page))
        self.told[chart] = len(rows) - first
        points = [{"i": place, "v": list(row)} for place, row in enumerate(rows[first:last])]
        if points:
            self.socket.send(
                command("timescale_update", [chart, {series: {"node": "n", "s": points, "t": name}}, {}])
            )
        self.sent += 1
        if self.limit and self.sent >= self.limit:
            self.socket.socket.shutdown(SHUT_RDWR)
            raise ConnectionAbortedError
        self.socket.send(command("series_completed", [chart, series, "streaming", name]))

    def on_quote_add_symbols(self, quote: str, *symbols: str) -> None:
        self.beat()
        for symbol in symbols:
            known = self.market.quotes.get(symbol)
            if known is None:
                row: dict[str, Any] = {"n": symbol, "s": "error", "errmsg": "no such symbol"}
                self.socket.send(command("qsd", [quote, row]))
                continue
            for name, value in known.items():  # several updates of one symbol, each with one field
                self.socket.send(command("qsd", [quote, {"n": symbol, "s": "ok", "v": {name: value}}]))
            self.socket.send(command("quote_completed", [quote, symbol]))


@contextmanager
def tradingview_on(market: Market, http: HttpPolicy, **options: Any) -> Iterator[tuple[Provider, Any]]:
    """The provider in front of the server here; beside it the HTTP server of the screener."""
    from websockets.sync.server import serve

    def handler(socket: Any) -> None:
        market.origins.append(str(socket.request.headers.get("Origin")))
        with suppress(ConnectionAbortedError):
            _Line(market, socket).talk()

    def scan(request: Seen) -> Reply:
        question = json.loads(request.body)
        wanted = next((f["right"] for f in question["filter"] if f["left"] == "name"), None)
        rows = []
        for symbol in sorted({*market.bars, *market.quotes}):
            exchange, _, name = symbol.partition(":")
            if wanted is None or name in wanted:
                rows.append({"s": symbol, "d": [name, f"{name} Inc.", exchange, "Finance", "USD"]})
        return Reply({"totalCount": len(rows), "data": rows[: question["range"][1]]})

    with ExitStack() as stack:
        screener = stack.enter_context(serving(scan))
        server = stack.enter_context(serve(handler, "127.0.0.1", 0))
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        port = server.socket.getsockname()[1]
        provider = Provider(
            scanner_url=screener.url,
            socket_url=f"ws://127.0.0.1:{port}/socket.io/websocket",
            http=http,
            **options,
        )
        try:
            yield provider, screener
        finally:
            provider.close()
            server.shutdown()
            thread.join(5)
