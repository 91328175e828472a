"""Yahoo's hosts on this machine: TLS with a certificate of the test, answers in Yahoo's shape that we wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from nextgen_resources.http.policy import HttpPolicy
from nextgen_resources.market_data.yahoo import Provider
from tests.resources.http.loopback import Loopback, Reply, Seen, certificate_for, serving

HOSTS = ("query1.finance.yahoo.com", "query2.finance.yahoo.com", "fc.yahoo.com", "guce.yahoo.com",
         "consent.yahoo.com", "finance.yahoo.com")  # fmt: skip
CHART = "/v8/finance/chart/"
_NEW_YORK = ZoneInfo("America/New_York")


def opening(day: date) -> int:
    """Seconds since 1970 of 9:30 in New York."""
    return int(datetime.combine(day, time(9, 30), _NEW_YORK).timestamp())


@dataclass
class Chart:
    """A chart answer: rows of (day, open, high, low, close, adjusted close, volume) and events."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    splits: dict[date, tuple[int, int]] = field(default_factory=dict)
    dividends: dict[date, float] = field(default_factory=dict)
    currency: str | None = "USD"
    kind: str | None = "EQUITY"
    stamps: Callable[[Any], int] = opening

    def document(self, symbol: str, after: int = 0, before: int = 2**40) -> dict[str, Any]:
        rows = [row for row in self.rows if after <= self.stamps(row[0]) < before]
        meta = {
            "currency": self.currency, "symbol": symbol, "exchangeName": "NMS", "instrumentType": self.kind,
            "timezone": "EST", "exchangeTimezoneName": "America/New_York", "gmtoffset": -18000, "priceHint": 2,
            "regularMarketPrice": 1.0, "validRanges": ["1d", "max"], "dataGranularity": "1d", "range": "",
            "currentTradingPeriod": {name: {"timezone": "EST", "start": 1, "end": 2, "gmtoffset": -18000}
                                     for name in ("pre", "regular", "post")},
        }  # fmt: skip
        days = sorted({datetime.fromtimestamp(self.stamps(row[0]), _NEW_YORK).date() for row in rows})
        meta["tradingPeriods"] = [
            [{"timezone": "EST", "gmtoffset": -18000, "start": opening(day), "end": opening(day) + 9 * 3600}]
            for day in days
        ]
        result: dict[str, Any] = {"meta": meta, "indicators": {"quote": [{}], "adjclose": [{}]}}
        if rows:
            columns = list(zip(*rows, strict=True))
            names = ("open", "high", "low", "close")
            result["timestamp"] = [self.stamps(moment) for moment in columns[0]]
            result["indicators"] = {
                "quote": [
                    {**dict(zip(names, map(list, columns[1:5]), strict=True)), "volume": list(columns[6])}
                ],
                "adjclose": [{"adjclose": list(columns[5])}],
            }
        events: dict[str, Any] = {}
        if self.dividends:
            paid = {
                str(opening(day)): {"amount": cash, "date": opening(day)}
                for day, cash in self.dividends.items()
            }
            events["dividends"] = paid
        if self.splits:
            events["splits"] = {
                str(opening(day)): {
                    "date": opening(day),
                    "numerator": n,
                    "denominator": d,
                    "splitRatio": f"{n}:{d}",
                }
                for day, (n, d) in self.splits.items()
            }
        if events:
            result["events"] = events
        return {"chart": {"result": [result], "error": None}}


class FakeYahoo:
    """Answers as Yahoo does; ``special`` replaces the answer to single symbols or paths."""

    def __init__(self, charts: dict[str, Chart] | None = None) -> None:
        self.charts = charts or {}
        self.special: dict[str, Reply | Callable[[Seen], Reply]] = {}
        self.quotes: list[dict[str, Any]] = []

    def __call__(self, request: Seen) -> Reply:
        for key, reply in self.special.items():
            if key in f"{request.host}{request.path}":
                return reply(request) if callable(reply) else reply
        if request.host.startswith("fc."):
            return Reply(
                "", 404, {"set-cookie": "A3=d=x; Domain=.yahoo.com; Path=/; Max-Age=31557600; Secure"}
            )
        if request.path.endswith("/getcrumb"):
            return Reply("cRuMb", headers={"content-type": "text/plain"})
        if request.path.endswith("/finance/quote"):
            asked = request.query["symbols"][0].split(",")
            found = [quote for quote in self.quotes if quote["symbol"] in asked]
            return Reply({"quoteResponse": {"result": found, "error": None}})
        symbol = request.path.rpartition("/")[2]
        if symbol not in self.charts:
            error = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
            return Reply({"chart": {"result": None, "error": error}}, 404)
        span = [
            int(request.query.get(name, [default])[0])
            for name, default in (("period1", "0"), ("period2", "9" * 11))
        ]
        return Reply(self.charts[symbol].document(symbol, *span))


def charts_asked(server: Loopback) -> list[str]:
    """Symbols of the chart requests for a span, in order."""
    return [
        r.path.rpartition("/")[2] for r in server.seen if r.path.startswith(CHART) and "period1" in r.query
    ]


def first_asked(server: Loopback) -> list[date]:
    """The first day of each chart request for a span."""
    return [
        datetime.fromtimestamp(int(r.query["period1"][0]), UTC).astimezone(_NEW_YORK).date()
        for r in server.seen
        if "period1" in r.query
    ]


@contextmanager
def yahoo_on(
    folder: Path, answer: Callable[[Seen], Reply], http: HttpPolicy, **options: Any
) -> Iterator[tuple[Provider, Loopback]]:
    """The provider, with the real yfinance, whose requests to Yahoo's hosts arrive at a server here."""
    from yfinance.data import SingletonMeta

    context, authority = certificate_for(folder, *HOSTS)
    with serving(answer, context) as server:
        SingletonMeta._instances.clear()
        provider = Provider(server=f"127.0.0.1:{server.port}", ca_file=str(authority), http=http, **options)
        try:
            yield provider, server
        finally:
            provider.close()
            SingletonMeta._instances.clear()


def bars_of(days: list[date], close: float = 100.0) -> list[tuple[Any, ...]]:
    """Plain rows, one per day."""
    return [(day, close, close + 1, close - 1, close, close, 1000 + n) for n, day in enumerate(days)]


def weekdays(first: date, count: int) -> list[date]:
    """``count`` days from ``first`` that are no weekend."""
    days = (first + timedelta(days=n) for n in range(3 * count + 5))
    return [day for day in days if day.weekday() < 5][:count]
