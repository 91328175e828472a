"""A vendor of daily bars over HTTP on this machine: late, wrong, corrected, overloaded and away, as its script says."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import polars as pl

from nextgen_assets.domain.sessions import xnys
from nextgen_resources.http.client import HttpClient
from nextgen_resources.http.policy import HttpPolicy
from nextgen_resources.market_data import BAR_SCHEMA, LISTING_SCHEMA, load_provider
from nextgen_resources.market_data.delivery import each_ticker, whole_or_partial
from tests.production.simulated_time import SimulatedClock
from tests.resources.http.loopback import Reply, Seen

VENDOR = "NEXTGEN_SIMULATED_VENDOR"
"""Names the address of the vendor, for the processes that Dagster starts."""
Bar = tuple[str, date]
_DELAY = timedelta(minutes=15)
_WEB_PAGE = "<!doctype html><html><body>We will be back soon.</body></html>"
FAULTS: Mapping[str, Reply] = {
    "overloaded": Reply("busy", status=503),
    "rate limited": Reply("slow down", status=429, headers={"retry-after": "1"}),
    "web page": Reply(_WEB_PAGE, headers={"content-type": "text/html"}),
    "half an answer": Reply("x" * 400, cut=200),
    "hang-up": Reply(hang_up=True),
}
"""What one request may be answered with instead of bars."""


class WebMarket:
    """The provider of the simulation: one request per ticker, under the policy of every provider."""

    name = "web"
    capabilities = frozenset({"daily", "adjusted_close", "universe"})
    delay_minutes = 15
    dividend_basis = "ex_close"

    def __init__(self, http: HttpPolicy, url: str) -> None:
        self._client = HttpClient(http, self.name, ["127.0.0.1"], loopback_is_allowed=True)
        self._url = url

    def listings(self) -> pl.DataFrame:
        """The vendor's directory."""
        return _read(self._client.get(f"{self._url}/listings", {}).body, LISTING_SCHEMA)

    def daily_bars(self, tickers: Iterable[str], first: date, last: date) -> pl.DataFrame:
        """Bars ticker by ticker."""

        def fetch(ticker: str) -> pl.DataFrame:
            span = {"first": str(first), "last": str(last)}
            return _read(self._client.get(f"{self._url}/bars/{ticker}", span).body, BAR_SCHEMA)

        parts, refused = each_ticker(tickers, fetch)
        empty = pl.DataFrame(schema=dict(BAR_SCHEMA))
        whole: pl.DataFrame = whole_or_partial(self.name, pl.concat([empty, *parts.values()]), parts, refused)
        return whole

    def corporate_actions(self, tickers: Iterable[str], first: date, last: date) -> None:
        """None: they are recovered from the adjusted close."""
        return


def _read(body: bytes, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    if body == b"[]":
        return pl.DataFrame(schema=dict(schema))
    text = {name: pl.String() if kind == pl.Date else kind for name, kind in schema.items()}
    found = pl.read_json(io.BytesIO(body), schema=text)
    return found.with_columns(pl.col(name).str.to_date() for name, kind in schema.items() if kind == pl.Date)


@dataclass
class Vendor:
    """What the vendor says at the present instant of the simulation.

    Attributes
    ----------
    late : mapping of bar to datetime
        Bars that are there only from that instant on.
    broken : mapping of bar to datetime
        Bars whose high is below their low until that instant.
    corrected : mapping of bar to (datetime, float)
        From that instant on the close is so far (0 to 1) up from the low to the high.
    away : list of (datetime, datetime)
        Spans in which every request is refused.
    faults : deque of str
        Of `FAULTS`; each spoils one request.
    """

    clock: SimulatedClock
    late: dict[Bar, datetime] = field(default_factory=dict)
    broken: dict[Bar, datetime] = field(default_factory=dict)
    corrected: dict[Bar, tuple[datetime, float]] = field(default_factory=dict)
    away: list[tuple[datetime, datetime]] = field(default_factory=list)
    faults: deque[str] = field(default_factory=deque)
    spoiled: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._embedded = load_provider("bokeh")
        self._listings = self._embedded.listings().select(list(LISTING_SCHEMA))

    def answer(self, request: Seen) -> Reply:
        """The reply to one request."""
        now = self.clock.now()
        if any(first <= now < last for first, last in self.away):
            self.spoiled.append("away")
            return Reply("maintenance", status=503)
        if self.faults and request.path != "/listings":
            self.spoiled.append(self.faults[0])
            return FAULTS[self.faults.popleft()]
        json = {"content-type": "application/json"}
        if request.path == "/listings":
            return Reply(self._listings.write_json(), headers=json)
        first, last = (date.fromisoformat(request.query[name][0]) for name in ("first", "last"))
        bars = self.bars(request.path.rpartition("/")[2], first, last, now)
        return Reply(bars.write_json(), headers=json)

    def bars(self, ticker: str, first: date, last: date, now: datetime) -> pl.DataFrame:
        """Bars of one ticker as the vendor has them at ``now``."""
        bars = self._embedded.daily_bars([ticker], first, last)
        days = [day for day in bars["session_date"] if self._is_there((ticker, day), now)]
        bars = bars.filter(pl.col("session_date").is_in(days))
        day = pl.col("session_date")
        for (name, wrong), (since, share) in self.corrected.items():
            if name == ticker and since <= now:
                close = pl.col("low") + (pl.col("high") - pl.col("low")) * share
                ratio = pl.col("adjusted_close") / pl.col("close")
                bars = bars.with_columns(
                    close=pl.when(day == wrong).then(close).otherwise("close"),
                    adjusted_close=pl.when(day == wrong).then(close * ratio).otherwise("adjusted_close"),
                )
        for (name, wrong), until in self.broken.items():
            if name == ticker and now < until:
                bars = bars.with_columns(high=pl.when(day == wrong).then(pl.col("low") / 2).otherwise("high"))
        return bars

    def _is_there(self, bar: Bar, now: datetime) -> bool:
        return now >= max(xnys().close_at(bar[1]) + _DELAY, self.late.get(bar, xnys().close_at(bar[1])))
