"""Raw articles, cleaned and judged row by row: what can be used, and why the rest cannot."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import polars as pl

from nextgen_assets.domain.news_urls import canonical_urls
from nextgen_assets.domain.sessions import SessionCalendar

TICKER_PATTERN = re.compile(r"[A-Z0-9][A-Z0-9.\-^=]{0,15}")
RAW_COLUMNS = ("headline", "body", "url", "tickers", "published_on", "published_at", "source", "language")
REJECTED_SCHEMA: Mapping[str, pl.DataType] = {
    "session_date": pl.Date(),
    "source": pl.String(),
    "reason_code": pl.String(),
    "reason": pl.String(),
    "payload": pl.String(),
}
_SPACE = r"[\s\x1c-\x1f]+"
_NAMES_NOBODY = "the article names no ticker; expected at least one"
_NO_DATE = "published_at and published_on are both empty; expected one of them"


def cleaned(raw: pl.DataFrame) -> pl.DataFrame:
    """Text without surplus white space, web addresses alone, tickers as a list; one row per raw row."""

    def clean(name: str) -> pl.Expr:
        return pl.col(name).cast(pl.String).fill_null("").str.replace_all(_SPACE, " ").str.strip_chars()

    body = pl.col("body").cast(pl.String).str.strip_chars()
    is_web = pl.col("url").cast(pl.String).str.contains(r"(?i)^\s*https?://")
    return (
        raw.select(RAW_COLUMNS)
        .with_row_index("row")
        .with_columns(
            headline=clean("headline"),
            body=pl.when(body != "").then(body),
            url=pl.when(is_web).then(pl.col("url").str.strip_chars()),
            canonical_url=canonical_urls(raw["url"]),
            has_source=clean("source") != "",
            named=pl.col("tickers").cast(pl.List(pl.String)).fill_null(pl.lit([], pl.List(pl.String))),
        )
    )


def judged(rows: pl.DataFrame, calendar: SessionCalendar, *, must_name_ticker: bool) -> pl.DataFrame:
    """``rows`` with reason_code and reason, null for usable ones; the first rule that a row breaks counts."""
    is_allowed = pl.element().str.contains(f"^(?:{TICKER_PATTERN.pattern})$") & ~pl.element().str.contains(
        "\n"
    )
    refused = pl.col("named").list.eval(pl.element().filter(~is_allowed.fill_null(False)))
    bad_ticker = pl.format(
        "ticker '{}' is not allowed; expected the pattern {}",
        refused.list.first().fill_null("None"),
        pl.lit(TICKER_PATTERN.pattern),
    )
    outside = pl.format(
        "published {}, outside the sessions {}..{} of the calendar",
        pl.col("published_at").dt.to_string("iso:strict"),
        pl.lit(str(calendar.sessions[0])),
        pl.lit(str(calendar.sessions[-1])),
    )
    names_nobody = (pl.col("named").list.len() == 0) & must_name_ticker
    no_source = "the source is empty; expected the name of the provider or publisher"
    rules = [
        ("no_headline", pl.col("headline") == "", pl.lit("the headline is empty; expected text")),
        ("no_source", ~pl.col("has_source"), pl.lit(no_source)),
        ("no_ticker", names_nobody, pl.lit(_NAMES_NOBODY)),
        ("bad_ticker", refused.list.len() > 0, bad_ticker),
        ("no_date", pl.col("published_at").is_null(), pl.lit(_NO_DATE)),
        ("outside_calendar", pl.col("published_session").is_null(), outside),
    ]
    codes = pl.coalesce(*(pl.when(is_broken).then(pl.lit(code)) for code, is_broken, _ in rules))
    reasons = pl.coalesce(*(pl.when(is_broken).then(reason) for _, is_broken, reason in rules))
    return rows.with_columns(reason_code=codes, reason=reasons)


def rejected(rows: pl.DataFrame, raw: pl.DataFrame) -> pl.DataFrame:
    """The judged rows that cannot be used, as the columns of ``REJECTED_SCHEMA``, each whole."""
    rows = rows.filter(pl.col("reason_code").is_not_null())
    payloads = [_payload(row) for row in raw[rows["row"].to_list()].select(RAW_COLUMNS).iter_rows(named=True)]
    return rows.select(
        pl.coalesce("session_date", "published_on").alias("session_date"),
        pl.when("has_source").then("source").otherwise(pl.lit("unknown")).alias("source"),
        "reason_code",
        "reason",
        pl.Series("payload", payloads, dtype=pl.String),
    ).select(pl.col(name).cast(dtype) for name, dtype in REJECTED_SCHEMA.items())


def _payload(row: Mapping[str, Any]) -> str:
    return json.dumps(dict(row), default=lambda value: value.isoformat(), ensure_ascii=False, sort_keys=True)
