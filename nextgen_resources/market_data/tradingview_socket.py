"""TradingView's websocket: chart sessions and quote sessions over one connection, heartbeats answered.

A dropped connection is an error of one try: the policy waits and tries again, the next try connects anew and
asks for the whole span of the series again, so that no bar is missing between the two.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

from nextgen_resources.errors import (
    ProviderDataError,
    ProviderNotFoundError,
    ProviderStatedError,
    ProviderUnavailableError,
)
from nextgen_resources.http.addresses import check_peer, check_url
from nextgen_resources.http.policy import HttpPolicy
from nextgen_resources.market_data.tradingview_frames import (
    bars_of,
    command,
    document_of,
    is_heartbeat,
    pack,
    session_id,
    unpack,
)

_ORIGIN = "https://www.tradingview.com"
_QUOTE_FIELDS = ["lp", "lp_time", "bid", "ask", "volume", "currency_code"]
_PAGES = 50
_SERIES, _SYMBOL = "sds_1", "sds_sym_1"


class Socket:
    """One connection, opened when it is needed and after it was lost.

    Parameters
    ----------
    policy : HttpPolicy
        Its time-out spans one question; its limit of bytes one message.
    url : str
        ``wss://…``; ``ws://`` to this machine where ``loopback_is_allowed``.
    hosts : tuple of str
        Domains that the URL may name.
    """

    def __init__(
        self, policy: HttpPolicy, url: str, hosts: tuple[str, ...], *, loopback_is_allowed: bool = False
    ) -> None:
        self._policy = policy
        self._url = url
        self._hosts = hosts
        self._loopback = loopback_is_allowed
        self._connection: Any = None
        self._held = ExitStack()

    def series(self, symbol: str, interval: str, since: int, count: int) -> dict[str, Any]:
        """Bars of ``symbol`` from ``since`` to now, unadjusted, of the regular session.

        Parameters
        ----------
        symbol : str
            With its exchange, ``NASDAQ:AAPL``.
        interval : str
            TradingView's name: minutes, or ``1D``.
        since : int
            Seconds since 1970; older bars are asked for until it is reached or there are none.
        count : int
            Bars to ask for at once.

        Returns
        -------
        dict
            ``timezone`` of the exchange, and ``bars``: [start, open, high, low, close, volume], ascending.

        Raises
        ------
        ProviderNotFoundError
            No such symbol.
        ProviderUnavailableError
            The connection was dropped, or the answer was not complete in time.
        """
        chart = session_id("cs")
        wanted = json.dumps(
            {"adjustment": "none", "session": "regular", "symbol": symbol}, separators=(",", ":")
        )
        self._send("chart_create_session", [chart, ""])
        self._send("switch_timezone", [chart, "Etc/UTC"])
        self._send("resolve_symbol", [chart, _SYMBOL, f"={wanted}"])
        self._send("create_series", [chart, _SERIES, "s1", _SYMBOL, interval, count, ""])
        bars: dict[int, tuple[float, ...]] = {}
        zone, known, pages = "America/New_York", -1, 0
        for told in self._received(chart):
            kind = told.get("m")
            if kind == "symbol_resolved":
                zone = str(told["p"][2].get("timezone", zone))
            elif kind in ("timescale_update", "du"):
                bars |= bars_of(told, _SERIES)
            elif kind == "series_completed":
                pages += 1
                if not bars or min(bars) <= since or len(bars) == known or pages >= _PAGES:
                    break
                known = len(bars)
                self._send("request_more_data", [chart, _SERIES, count])
        self._send("chart_delete_session", [chart])
        return {"timezone": zone, "bars": [[start, *bars[start]] for start in sorted(bars)]}

    def quotes(self, symbols: list[str]) -> dict[str, dict[str, Any]]:
        """The newest quote of each symbol: the fields that TradingView sent.

        Raises
        ------
        ProviderUnavailableError
            The connection was dropped, or not every symbol was told of in time.
        """
        quote = session_id("qs")
        self._send("quote_create_session", [quote])
        self._send("quote_set_fields", [quote, *_QUOTE_FIELDS])
        self._send("quote_add_symbols", [quote, *symbols])
        values: dict[str, dict[str, Any]] = {symbol: {} for symbol in symbols}
        left = set(symbols)
        for told in self._received(quote):
            if told.get("m") == "qsd":
                row = told["p"][1]
                values.setdefault(row["n"], {}).update(row.get("v", {}))
                if row.get("s") == "error":
                    left.discard(row["n"])
            elif told.get("m") == "quote_completed":
                left.discard(told["p"][1])
            if not left:
                break
        self._send("quote_delete_session", [quote])
        return values

    def close(self) -> None:
        """Close the connection; the next question opens another one."""
        self._connection = None
        self._held.close()

    def _send(self, method: str, parameters: list[Any]) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            self._open().send(command(method, parameters))
        except ConnectionClosed as error:
            self._connection = None
            raise ProviderUnavailableError(
                f"tradingview: the connection was dropped ({error}); retry"
            ) from error

    def _received(self, session: str) -> Iterator[Mapping[str, Any]]:
        """What the server tells of ``session``; heartbeats are answered on the way, refusals raise."""
        from websockets.exceptions import ConnectionClosed

        limit = self._policy.settings.timeout_seconds
        deadline = self._policy.pace.monotonic() + limit
        while True:
            left = deadline - self._policy.pace.monotonic()
            if left <= 0:
                self.close()
                raise ProviderUnavailableError(
                    f"tradingview: the answer was not complete within {limit:g} s; retry"
                )
            try:
                message = self._open().recv(timeout=min(left, limit))
            except TimeoutError:
                continue
            except ConnectionClosed as error:
                self.close()
                raise ProviderUnavailableError(
                    f"tradingview: the connection was dropped ({error}); retry"
                ) from error
            if isinstance(message, bytes):
                raise ProviderDataError("tradingview: a binary message; the protocol changed")
            for text in unpack(message):
                if is_heartbeat(text):
                    self._open().send(pack(text))
                    continue
                told = document_of(text)
                self._refuse(told, session)
                if "session_id" not in told and told.get("p", [session])[0] == session:
                    yield told

    def _refuse(self, told: Mapping[str, Any], session: str) -> None:
        kind, parameters = told.get("m"), told.get("p", [])
        if kind in ("critical_error", "protocol_error"):
            self.close()
            raise ProviderUnavailableError(f"tradingview: {kind}: {str(parameters)[:160]}; retry")
        if not parameters or parameters[0] != session:
            return
        if kind == "symbol_error":
            raise ProviderNotFoundError(f"tradingview: {str(parameters[1:])[:160]}; check the symbol")
        if kind == "series_error":
            raise ProviderStatedError(f"tradingview: {str(parameters[1:])[:160]}; correct the request")

    def _open(self) -> Any:
        if self._connection is not None:
            return self._connection
        try:
            from websockets.exceptions import WebSocketException
            from websockets.sync.client import connect
            from websockets.typing import Origin
        except ImportError as error:
            raise ProviderUnavailableError(
                "tradingview: the package websockets is not installed; run: pip install 'nextgen[tradingview]'"
            ) from error
        check_url(self._url, "tradingview", hosts=self._hosts, loopback_is_allowed=self._loopback)
        settings = self._policy.settings
        try:
            connection = self._held.enter_context(
                connect(
                    self._url,
                    origin=Origin(_ORIGIN),
                    open_timeout=settings.timeout_seconds,
                    close_timeout=2,
                    max_size=settings.body_limit_bytes,
                    proxy=None,
                )
            )
        except (OSError, WebSocketException) as error:
            raise ProviderUnavailableError(
                f"tradingview: no connection to {self._url} ({type(error).__name__}: {error}); retry"
            ) from error
        check_peer(str(connection.remote_address[0]), "tradingview", loopback_is_allowed=self._loopback)
        self._connection = connection
        connection.send(command("set_auth_token", ["unauthorized_user_token"]))
        return connection
