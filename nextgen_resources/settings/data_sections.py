"""Settings of what comes in and how it is described: paths, prices, news, features, warehouse, secrets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from nextgen_resources.settings.field_types import (
    CalendarDay,
    Name,
    Names,
    Options,
    PositiveFraction,
    RealNumber,
    Secret,
    Section,
    Tickers,
    WholeNumber,
)

RepairRule = Literal[
    "unit_switch",
    "price_100x",
    "dividend_wrong_scale",
    "dividend_doubled",
    "split_missing",
    "split_badly_applied",
]
ExchangeName = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9 ]{1,15}$")]


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError(
            f"an absolute path is expected here, found {path}; load_settings resolves relative ones"
        )
    return path


class PathSettings(Section):
    """Where files are kept. Moving them changes no row."""

    data_dir: Annotated[Path, AfterValidator(_absolute)] = Field(
        description="folder of every scenario's warehouse, models and reports; relative to the project root"
    )


class IngestionSettings(Section):
    """Which prices are fetched, from where, for which sessions and tickers."""

    provider: Name = Field(description="module of nextgen_resources.market_data that supplies bars")
    provider_options: Options = Field(description="options of that provider, by name")
    calendar: Literal["XNYS"] = Field(description="exchange whose sessions are the partitions")
    first_session: CalendarDay = Field(description="first session of the partitions")
    last_session: CalendarDay | None = Field(
        description="last session of the partitions; null: the newest one that has closed"
    )
    cutoff_delay_minutes: WholeNumber = Field(
        ge=0,
        le=180,
        description="minutes after the official close until the knowledge cut-off of a session; it falls on the same day in UTC",
    )
    tickers: Tickers | None = Field(description="tickers to keep; null: every ticker of the provider")
    max_tickers: WholeNumber | None = Field(
        ge=1,
        le=10_000,
        description="tickers kept, by median dollar volume of the quarter before the first session; null: no limit",
    )

    repairs: tuple[RepairRule, ...] = Field(
        description="faults that are repaired as new versions, known from the repair on; an empty list: none"
    )

    @model_validator(mode="after")
    def _sessions_are_ordered(self) -> Self:
        if self.last_session is not None and self.last_session < self.first_session:
            raise ValueError(
                f"ingestion.last_session {self.last_session} must not be before "
                f"ingestion.first_session {self.first_session}"
            )
        return self


IntervalName = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,4}[smh]$")]
TimeframeName = Annotated[str, Field(pattern=r"^([1-9][0-9]{0,4}[smh]|1d|1w)$")]


class IntradaySettings(Section):
    """Which files of ticks and bars within the day are imported, and what they become."""

    folder: Path | None = Field(
        description="folder of tick and bar files with an intraday.yaml that declares them; null: none"
    )
    provider_interval: IntervalName | None = Field(
        description="length of the bars within the day that the market data provider is asked for; null: none"
    )
    timeframes: tuple[TimeframeName, ...] = Field(
        min_length=1,
        description="lengths of the bars of ticks: seconds (s), minutes (m) or hours (h) that divide a day, 1d, 1w; "
        "all are multiples of the shortest",
    )
    chunk_bytes: WholeNumber = Field(
        ge=4_096, le=1_073_741_824, description="bytes of text that are parsed and written at once"
    )
    max_members: WholeNumber = Field(ge=1, le=1_000_000, description="most members of one archive")
    max_unpacked_bytes: WholeNumber = Field(
        ge=1_048_576, description="most bytes that one archive may unpack to"
    )
    max_unpacking_ratio: RealNumber = Field(
        gt=1, le=10_000, description="most bytes unpacked for one byte packed, from 8 MiB on"
    )
    max_bad_fraction: PositiveFraction = Field(
        description="largest share of bad lines in a stretch; beyond it the file is refused as another format"
    )

    @field_validator("folder")
    @classmethod
    def _folder_is_absolute(cls, folder: Path | None) -> Path | None:
        return None if folder is None else _absolute(folder)


class UniverseSettings(Section):
    """Who of the listed securities is predicted and traded. Without reviews everybody is."""

    review: Literal["none", "week", "month", "quarter"] = Field(
        description="how often the universe is drawn anew, on the first session of the period; none: never"
    )
    minimum_price_usd: RealNumber = Field(ge=0, le=1_000_000, description="last close that a member needs")
    minimum_dollar_volume_usd: RealNumber = Field(
        ge=0, le=1e12, description="median of close times volume that a member needs"
    )
    minimum_history_sessions: WholeNumber = Field(ge=0, le=2_520, description="bars that a member needs")
    exchanges: tuple[ExchangeName, ...] = Field(description="exchanges of members; an empty list: all")
    slack: RealNumber = Field(
        ge=0,
        le=0.9,
        description="how far below a minimum, or beyond ingestion.max_tickers, a member may fall and stay",
    )
    liquidity_sessions: WholeNumber = Field(
        ge=1, le=2_520, description="sessions before a review that the median dollar volume is taken over"
    )
    membership_path: str | None = Field(
        min_length=1,
        description="CSV of index membership (ticker, start_date, end_date): only its members are eligible; null: none",
    )


class NewsSettings(Section):
    """Which news are read and how they become one number per ticker and session."""

    provider: Name | Annotated[Names, Field(min_length=2)] = Field(
        description="module of nextgen_resources.news that supplies articles, or a list: the union of several"
    )
    provider_options: Options = Field(
        description="options of that provider, by name; of several, each with the name of its source in front"
    )
    scorer: Name = Field(description="module of nextgen_resources.sentiment that scores articles")
    scorer_options: Options = Field(description="options of that scorer, by name")
    duplicate_window_sessions: WholeNumber = Field(
        ge=1, le=250, description="sessions within which the same page or words are copies of one article"
    )
    duplicate_similarity: PositiveFraction = Field(
        description="share of words and pairs of words from which two headlines tell one story"
    )
    half_life_sessions: RealNumber = Field(
        gt=0, le=250, description="sessions after which an article counts half"
    )
    window_sessions: WholeNumber = Field(
        ge=1, le=250, description="sessions whose articles enter the sentiment of a session"
    )
    buzz_history_sessions: WholeNumber = Field(
        ge=20, le=2_500, description="earlier sessions against which the article count is standardised"
    )
    article_cap: PositiveFraction = Field(
        description="largest contribution of one article to a ticker's sentiment of a session"
    )
    confidence_weight: RealNumber = Field(
        ge=0,
        le=0.9,
        description="how far the scorer's confidence moves the weight of an article; 0: not at all",
    )

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the sources, whichever way they are stated."""
        if isinstance(self.provider, tuple):
            return self.provider
        named = self.provider_options.get("sources", ())
        return (self.provider, *(map(str, named) if isinstance(named, tuple) else ()))

    @model_validator(mode="after")
    def _history_covers_window(self) -> Self:
        if self.buzz_history_sessions < self.window_sessions:
            raise ValueError(
                f"news.buzz_history_sessions {self.buzz_history_sessions} must not be below "
                f"news.window_sessions {self.window_sessions}"
            )
        return self


class FeatureSettings(Section):
    """Which features describe a ticker on a session."""

    names: Names = Field(
        description="features or families of them, in this order; an empty list: all discovered"
    )
    lookback_sessions: WholeNumber = Field(ge=2, le=250, description="sessions in the window of a prediction")


class WarehouseSettings(Section):
    """Where the rows lie and how they are opened. Changes no row."""

    kind: Literal["file", "lake"] = Field(
        description="one DuckDB file of this machine, or a DuckLake whose catalogue is credentials.lake_catalogue"
    )
    lake_data_path: Path | None = Field(
        description="folder of a lake's Parquet files, seen by every machine; null: lake in the scenario's folder"
    )
    lock_timeout_seconds: RealNumber = Field(
        gt=0, le=3_600, description="seconds to wait for the warehouse lock before giving up"
    )
    memory_limit: str = Field(
        pattern=r"^[1-9][0-9]{0,5}(MB|GB|TB|MiB|GiB|TiB)$", description="memory DuckDB may use, such as 4GB"
    )
    threads: WholeNumber = Field(ge=1, le=256, description="threads of one DuckDB connection")


class Credentials(Section):
    """Secrets of outside services; null where a service is not used.

    Each is also read from its usual name without prefix (``OPENAI_API_KEY`` and so on).
    """

    openai_api_key: Secret | None = Field(description="OpenAI key, for the openai sentiment scorer")
    polygon_api_key: Secret | None = Field(description="Polygon key, for prices and news")
    alpaca_api_key_id: Secret | None = Field(description="Alpaca key id, for prices and news")
    alpaca_api_secret_key: Secret | None = Field(description="Alpaca secret belonging to the key id")
    redis_url: Secret | None = Field(
        description="Redis that keeps the answers of providers in place of a file, such as redis://localhost:6379/0"
    )
    lake_catalogue: Secret | None = Field(
        description="PostgreSQL that keeps the catalogue of a lake, such as host=db dbname=nextgen user=nextgen password=…"
    )
    webhook_signing_secret: Secret | None = Field(
        description="shared secret that signs outgoing webhooks (HMAC-SHA256)"
    )
