"""A small made-up market with every nuisance a feature must bear: splits, dividends, holes, flat prices."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import polars as pl

from nextgen_assets.domain.prices import Panel, build_panel
from nextgen_assets.domain.sectors import no_sectors
from nextgen_assets.domain.sessions import xnys

TICKERS = ("WAVE", "HOLES", "SPLIT", "FLAT")
FIRST, N_SESSIONS = date(2012, 10, 1), 90
HOLE_OFFSETS = (7, 30, 31, 62)
MOVED_AT = 24
"""Until then HOLES is in the sector of SPLIT and FLAT, from then on in that of WAVE."""


@dataclass(frozen=True)
class Market:
    """Frames in the columns of the raw tables, over ``sessions``."""

    sessions: tuple[date, ...]
    bars: pl.DataFrame
    actions: pl.DataFrame
    sentiment: pl.DataFrame
    articles: pl.DataFrame
    sectors: pl.DataFrame = field(default_factory=no_sectors)

    def panel(self, sessions: tuple[date, ...] | None = None, tickers: tuple[str, ...] = TICKERS) -> Panel:
        rows = self.bars, self.actions, self.sentiment, sessions or self.sessions, tickers
        return build_panel(*rows, sectors=self.sectors)

    def through(self, session: date) -> Market:
        """The market with everything after ``session`` deleted."""
        past = pl.col("session_date") <= session
        stop = pl.col("stop_session")
        return replace(
            self,
            bars=self.bars.filter(past),
            actions=self.actions.filter(pl.col("ex_date") <= session),
            sentiment=self.sentiment.filter(past),
            articles=self.articles.filter(past),
            sectors=self.sectors.filter(pl.col("first_session") <= session).with_columns(
                stop_session=pl.when(stop <= session).then(stop)
            ),
        )

    def without_bar(self, ticker: str, session: date) -> Market:
        gone = (pl.col("ticker") == ticker) & (pl.col("session_date") == session)
        return replace(self, bars=self.bars.filter(~gone))


def sectors_frame(rows: list[tuple[str, date, date | None, str]]) -> pl.DataFrame:
    """Spans of (ticker, first session, session after the last, sector), known at the opening of the first."""
    return pl.DataFrame(
        [(*row, row[1], "synthetic", xnys().open_at(row[1])) for row in rows],
        schema=no_sectors().schema,
        orient="row",
    )


def action(ticker: str, ex_date: date, *, split: float | None = None, cash: float | None = None) -> dict:
    return {
        "ticker": ticker,
        "ex_date": ex_date,
        "kind": "split" if split else "dividend",
        "split_ratio": split,
        "cash_amount_usd": cash,
        "new_ticker": None,
        "source": "synthetic",
        "known_at": xnys().close_at(xnys().shift(xnys().on_or_after(ex_date), -1)),
    }


def actions_frame(rows: list[dict]) -> pl.DataFrame:
    return pl.DataFrame(
        rows,
        schema={
            "ticker": pl.String,
            "ex_date": pl.Date,
            "kind": pl.String,
            "split_ratio": pl.Float64,
            "cash_amount_usd": pl.Float64,
            "new_ticker": pl.String,
            "source": pl.String,
            "known_at": pl.Datetime("us", "UTC"),
        },
    )


def no_sentiment() -> pl.DataFrame:
    schema = {"ticker": pl.String, "session_date": pl.Date, "decayed_sentiment": pl.Float64}
    return pl.DataFrame(schema={**schema, "article_count": pl.Int32})


def synthetic_market(seed: int = 7, n_sessions: int = N_SESSIONS) -> Market:
    calendar = xnys()
    start = calendar.index(FIRST)
    sessions = calendar.sessions[start : start + n_sessions]
    random = np.random.default_rng(seed)
    split_at, dividend_at = sessions[40], sessions[55]
    bars = []
    for ticker in TICKERS:
        close = 80.0
        for offset, session in enumerate(sessions):
            if ticker == "SPLIT" and session == split_at:
                close /= 3.0
            close *= 1.0 if ticker == "FLAT" else float(np.exp(random.normal(0.0, 0.02)))
            opening = close if ticker == "FLAT" else close * float(np.exp(random.normal(0.0, 0.01)))
            stretch = 1.0 if ticker == "FLAT" else 1.0 + abs(float(random.normal(0.0, 0.01)))
            volume = 1_000 if ticker == "FLAT" else int(random.integers(1_000, 1_000_000))
            if ticker == "HOLES" and offset in HOLE_OFFSETS:
                continue
            bars.append(
                {
                    "ticker": ticker,
                    "session_date": session,
                    "open": opening,
                    "high": max(opening, close) * stretch,
                    "low": min(opening, close) / stretch,
                    "close": close,
                    "volume": 0 if (ticker, offset) == ("WAVE", 12) else volume,
                    "source": "synthetic",
                    "known_at": calendar.close_at(session),
                }
            )
    news_rows = [
        {
            "ticker": ticker,
            "session_date": session,
            "decayed_sentiment": float(random.uniform(-1, 1)),
            "article_count": int(random.integers(1, 5)),
        }
        for ticker in TICKERS
        for session in sessions
        if random.random() < 0.3
    ]
    articles = [
        {
            "ticker": row["ticker"],
            "session_date": row["session_date"],
            "article_id": f"{row['ticker']}-{row['session_date']}-{number}",
            "score": row["decayed_sentiment"],
            "known_at": calendar.open_at(row["session_date"]),
        }
        for row in news_rows
        for number in range(row["article_count"])
    ]
    return Market(
        sessions,
        pl.DataFrame(bars).with_columns(pl.col("known_at").cast(pl.Datetime("us", "UTC"))),
        actions_frame([action("SPLIT", split_at, split=3.0), action("SPLIT", dividend_at, cash=1.25)]),
        pl.DataFrame(news_rows),
        pl.DataFrame(articles).with_columns(pl.col("known_at").cast(pl.Datetime("us", "UTC"))),
        sectors_frame(
            [
                ("WAVE", sessions[0], None, "Waves"),
                ("HOLES", sessions[0], sessions[MOVED_AT], "Steps"),
                ("HOLES", sessions[MOVED_AT], None, "Waves"),
                ("SPLIT", sessions[3], None, "Steps"),
                ("FLAT", sessions[0], None, "Steps"),
            ]
        ),
    )
