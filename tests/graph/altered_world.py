"""The embedded market and its news with another future: what a provider would have said had the world gone on differently."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from math import prod

import numpy as np
import polars as pl

from nextgen_assets.domain.sessions import NEW_YORK, xnys
from nextgen_resources.market_data import BAR_SCHEMA, LISTING_SCHEMA
from nextgen_resources.market_data.bokeh import Provider as EmbeddedMarket
from nextgen_resources.news import ARTICLE_SCHEMA
from nextgen_resources.news.chronicle import Provider as EmbeddedNews

Hole = tuple[str, date]

_PRICES = ("open", "high", "low", "close")
_NEWCOMER = "NEWC"
_DELISTED = "IBM"
_HEADLINES = (
    "{} wins record contract, profit soars",
    "{} shares plunge after accounting fraud",
    "{} announces excellent results and beats forecasts",
    "{} warns of terrible losses, sued by regulators",
)


@dataclass(frozen=True)
class Future:
    """Another future after the knowledge cut-off of session ``after``; everything until then is as it was.

    Prices, volumes and the shape of every bar are others, one bar in sixteen is missing and one broken, the
    real splits and dividends do not happen and others do, IBM is delisted, NEWC is listed, the news are
    invented.
    """

    after: date
    seed: int = 1

    def session(self, n_sessions: int) -> date:
        """The session so many after the last common one."""
        return xnys().shift(self.after, n_sessions)

    @property
    def splits(self) -> dict[Hole, float]:
        """Shares for one share by ticker and ex-date."""
        return {("AAPL", self.session(3)): 3.0, ("MSFT", self.session(5)): 0.5}

    @property
    def dividends(self) -> dict[Hole, float]:
        """Cash per share by ticker and ex-date, US dollars."""
        return {("AAPL", self.session(1)): 0.4, ("GOOG", self.session(2)): 1.5}

    @property
    def last_bar_of_delisted(self) -> date:
        """The last session on which IBM trades."""
        return self.session(4)

    @property
    def first_bar_of_newcomer(self) -> date:
        """The first session on which NEWC trades."""
        return self.session(2)

    def dice(self, purpose: int) -> np.random.Generator:
        """Random numbers of this future, the same on every call."""
        return np.random.default_rng((self.seed, self.after.toordinal(), purpose))


class AlteredMarket:
    """The embedded provider with bars taken out and, perhaps, another future.

    Like a real vendor it back-adjusts: a split after ``after`` divides the adjusted closes of all the
    years before it, although nothing that was known by then has changed.

    Parameters
    ----------
    holes, broken : iterable of (ticker, session)
        Bars that the source never had, and bars whose high is below their low.
    future : Future, optional
        What happens instead; None leaves the real future.
    """

    name = EmbeddedMarket.name
    capabilities = EmbeddedMarket.capabilities
    dividend_basis = EmbeddedMarket.dividend_basis

    def __init__(
        self, holes: Iterable[Hole] = (), broken: Iterable[Hole] = (), future: Future | None = None
    ) -> None:
        self._embedded, self._future = EmbeddedMarket(), future
        self._holes, self._broken = sorted(holes), sorted(broken)
        self.delay_minutes = self._embedded.delay_minutes

    def listings(self) -> pl.DataFrame:
        """The five companies; in another future with the end of IBM and the beginning of NEWC."""
        listings = self._embedded.listings()
        if self._future is None:
            return listings
        is_delisted = pl.col("ticker") == _DELISTED
        newcomer = listings.filter(pl.col("ticker") == "MSFT").with_columns(
            ticker=pl.lit(_NEWCOMER),
            security_id=pl.lit("isin:US0000000000"),
            first_session=pl.lit(self._future.first_bar_of_newcomer),
        )
        ended = pl.when(is_delisted).then(pl.lit(self._future.last_bar_of_delisted)).otherwise("last_session")
        return (
            pl.concat([listings.with_columns(last_session=ended), newcomer])
            .select(list(LISTING_SCHEMA))
            .sort("ticker")
        )

    def daily_bars(self, tickers: Iterable[str], first: date, last: date) -> pl.DataFrame:
        """Bars of ``tickers`` from ``first`` to ``last``."""
        wanted = pl.col("ticker").is_in(sorted(set(tickers)))
        return self._bars.filter(wanted & pl.col("session_date").is_between(first, last))

    def corporate_actions(self, tickers: Iterable[str], first: date, last: date) -> None:
        """None: they are recovered from the adjusted close."""
        return

    @cached_property
    def _bars(self) -> pl.DataFrame:
        tickers = self._embedded.listings()["ticker"].to_list()
        bars = self._embedded.daily_bars(tickers, date(2000, 1, 1), date(2014, 1, 1))
        bars = bars.join(_keys(self._holes), on=["ticker", "session_date"], how="anti")
        is_broken = pl.struct("ticker", "session_date").is_in(_keys(self._broken).to_struct().implode())
        bars = bars.with_columns(high=pl.when(is_broken).then(pl.col("low") / 2).otherwise("high"))
        return bars if self._future is None else altered_bars(bars, self._future)


def _keys(bars: list[Hole]) -> pl.DataFrame:
    return pl.DataFrame(bars, schema={"ticker": pl.String, "session_date": pl.Date}, orient="row")


def altered_bars(bars: pl.DataFrame, future: Future) -> pl.DataFrame:
    """Bars up to ``future.after`` as they are, others after it, and adjusted closes that fit the whole."""
    is_later = pl.col("session_date") > future.after
    factor = (pl.col("adjusted_close") / pl.col("close")).alias("factor")
    newcomer = bars.filter(
        (pl.col("ticker") == "MSFT") & (pl.col("session_date") >= future.first_bar_of_newcomer)
    )
    bars = pl.concat([bars, newcomer.with_columns(ticker=pl.lit(_NEWCOMER))]).sort("ticker", "session_date")
    is_gone = (pl.col("ticker") == _DELISTED) & (pl.col("session_date") > future.last_bar_of_delisted)
    bars = bars.filter(~is_gone).with_columns(factor)
    at_parting = (
        bars.filter(~is_later).group_by("ticker").agg(parting=pl.col("factor").sort_by("session_date").last())
    )
    bars = bars.join(at_parting, on="ticker", how="left").with_columns(
        relative=(pl.col("factor") / pl.col("parting")).fill_null(1.0)
    )
    dice = future.dice(1)
    noise, fate = np.exp(dice.normal(0.0, 0.05, bars.height)), dice.integers(0, 16, bars.height)
    volume_factor = dice.integers(1, 6, bars.height)
    split_by_then = [
        _effect(future, *key, until=True) for key in bars.select("ticker", "session_date").iter_rows()
    ]
    scale = (
        pl.when(is_later)
        .then(pl.col("relative") * pl.Series(noise) / pl.Series(split_by_then))
        .otherwise(1.0)
    )
    turned = {"open": "close", "close": "open", "high": "high", "low": "low"}
    bars = bars.with_columns(
        *(
            pl.when(is_later).then(pl.col(turned[name])).otherwise(pl.col(name)).alias(name)
            for name in _PRICES
        )
    ).with_columns(
        *((pl.col(name) * scale).alias(name) for name in _PRICES),
        pl.when(is_later)
        .then(pl.col("volume") * pl.Series(volume_factor))
        .otherwise(pl.col("volume"))
        .alias("volume"),
    )
    closes = {
        (ticker, day): close
        for ticker, day, close in bars.select("ticker", "session_date", "close").iter_rows()
    }
    adjusted = [
        close * (1.0 if day > future.after else relative) * _adjustment(future, closes, ticker, day)
        for ticker, day, close, relative in bars.select(
            "ticker", "session_date", "close", "relative"
        ).iter_rows()
    ]
    is_lost, is_broken = is_later & pl.Series(fate == 0), is_later & pl.Series(fate == 1)
    bars = bars.with_columns(
        adjusted_close=pl.Series(adjusted), high=pl.when(is_broken).then(pl.col("low") / 2).otherwise("high")
    ).filter(~is_lost)
    return bars.select(pl.col(name).cast(dtype) for name, dtype in BAR_SCHEMA.items())


def _effect(future: Future, ticker: str, day: date, *, until: bool) -> float:
    """Product of the split ratios of the ticker up to the day, or after it."""
    ratios = (ratio for (name, ex), ratio in future.splits.items() if name == ticker and (ex <= day) == until)
    return prod(ratios, start=1.0)


def _adjustment(future: Future, closes: dict[Hole, float], ticker: str, day: date) -> float:
    """The factor by which a vendor who knows the whole future adjusts the close of the day."""
    paid = [
        1 + cash / closes[name, ex]
        for (name, ex), cash in future.dividends.items()
        if name == ticker and ex > day
    ]
    return 1 / (_effect(future, ticker, day, until=False) * prod(paid))


class AlteredNews:
    """The embedded chronicle with, perhaps, another future; the last real news are those before the cut-off."""

    name = EmbeddedNews.name

    def __init__(self, future: Future | None = None, delay_minutes: int = 30) -> None:
        self._embedded, self._future, self._delay_minutes = EmbeddedNews(), future, delay_minutes

    def articles(self, first: date, last: date) -> pl.DataFrame:
        """Articles published from ``first`` to ``last``."""
        real = self._embedded.articles(first, last)
        if self._future is None:
            return real
        by_day = pl.col("published_on").cast(pl.Datetime("us")) + timedelta(hours=23, minutes=59)
        moment = pl.coalesce(
            "published_at", by_day.dt.replace_time_zone(str(NEW_YORK)).dt.convert_time_zone("UTC")
        )
        known = real.filter(moment <= xnys().cutoff(self._future.after, self._delay_minutes))
        invented = self._invented.filter(pl.col("published_on").is_between(first, last))
        return pl.concat([known, invented]).sort("published_on", maintain_order=True)

    @cached_property
    def _invented(self) -> pl.DataFrame:
        assert self._future is not None
        dice, start = self._future.dice(2), self._future.after
        evening = datetime.combine(start, time(16, 31), tzinfo=NEW_YORK)
        rows = [_article("AAPL", 1, start, evening), _article("MSFT", 0, start, None)]
        for offset in range(1, 60):
            day = start + timedelta(days=offset)
            for ticker in ("AAPL", "GOOG", "IBM", "MSFT"):
                if dice.random() < 0.3:
                    minute = int(dice.integers(0, 24 * 60))
                    moment = datetime.combine(day, time(minute // 60, minute % 60), tzinfo=NEW_YORK)
                    rows.append(
                        _article(ticker, int(dice.integers(0, 4)), day, moment if offset % 3 else None)
                    )
        return pl.DataFrame(rows, schema=dict(ARTICLE_SCHEMA), orient="row")


def _article(ticker: str, template: int, day: date, moment: datetime | None) -> dict[str, object]:
    return {
        "headline": _HEADLINES[template].format(ticker),
        "body": None,
        "url": None,
        "tickers": [ticker],
        "published_on": day,
        "published_at": None if moment is None else moment.astimezone(UTC),
        "source": EmbeddedNews.name,
        "language": "en",
    }
