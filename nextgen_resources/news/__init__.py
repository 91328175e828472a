"""Sources of news: the contract that every provider meets, and how one is found by name.

A provider is a module of this package that exports a class named ``Provider``; its module name is its
name in the settings. A provider delivers what its source says, in the columns of ``ARTICLE_SCHEMA``, and
judges nothing: which session may know an article, which rows are refused and which are duplicates is
decided in the domain. Text of articles is hostile input: it is carried, never interpreted. Importing this
package reads no file and connects to nothing; neither does constructing a provider.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

import polars as pl

from nextgen_resources.errors import ProviderDataError
from nextgen_resources.http.policy import HttpPolicy
from nextgen_resources.plug_ins import load_plug_in, plug_in_names
from nextgen_resources.settings.data_sections import Credentials

ARTICLE_SCHEMA = MappingProxyType(
    {
        "headline": pl.String(),
        "body": pl.String(),
        "url": pl.String(),
        "tickers": pl.List(pl.String()),
        "published_on": pl.Date(),
        "published_at": pl.Datetime("us", "UTC"),
        "source": pl.String(),
        "language": pl.String(),
    }
)
"""Columns and types of a frame of articles.

``published_on`` is the day in New York; ``published_at`` the instant, null when only the day is known;
``body`` and ``url`` may be null; ``language`` is an ISO 639-1 code.
"""


@runtime_checkable
class NewsProvider(Protocol):
    """What every source of news offers.

    Attributes
    ----------
    name : str
        The module name, which is also the name in the settings.
    """

    name: str

    def articles(self, first: date, last: date) -> pl.DataFrame:
        """Articles published from ``first`` to ``last`` inclusive (days in New York).

        Parameters
        ----------
        first, last : date
            To cover a session, ask from the day of the session before it: the evening after one cut-off
            and every day without trading belong to the next session.

        Returns
        -------
        polars.DataFrame
            Columns of ``ARTICLE_SCHEMA``, sorted by published_on, then in the order of the source. No
            article in the range gives an empty frame; a source that did not answer is an error.

        Raises
        ------
        ProviderError
            The source refused, or its data cannot be read; the message names the place.
        """
        ...  # pragma: no cover


def news_provider_names() -> list[str]:
    """Names of the providers of this package, ascending.

    Examples
    --------
    >>> news_provider_names()
    ['alpaca', 'chronicle', 'files', 'polygon', 'recorded', 'rss', 'union', 'yahoo']
    """
    return plug_in_names(__name__, "Provider")


def load_news_provider(
    name: str | Sequence[str],
    http: HttpPolicy | None = None,
    credentials: Credentials | None = None,
    **options: Any,
) -> NewsProvider:
    """The provider called ``name``, constructed with ``options``.

    Parameters
    ----------
    name : str or sequence of str
        Module name inside this package; several are the sources of a ``union``.
    http : HttpPolicy, optional
        Handed to providers that send requests.
    credentials : Credentials, optional
        Handed to providers that need a key.
    **options : object
        Keyword arguments of the provider's constructor.

    Raises
    ------
    SettingsError
        No such provider, or an option that it does not take; the message lists the valid ones.
    """
    if not isinstance(name, str):
        name, options = "union", {"sources": list(name)} | options
    offered = {"http": http, "credentials": credentials}
    provider: NewsProvider = load_plug_in(__name__, "Provider", "news provider", name, options, offered)
    return provider


def check_articles(provider_name: str, articles: pl.DataFrame) -> pl.DataFrame:
    """``articles`` itself when its columns and types are those of ``ARTICLE_SCHEMA``.

    Raises
    ------
    ProviderDataError
        Names each column that is missing, unknown or of another type; correct the provider.
    """
    found, expected = dict(articles.schema), dict(ARTICLE_SCHEMA)
    problems = [
        f"{column} is {found.get(column, 'missing')}, expected {expected.get(column, 'no such column')}"
        for column in sorted(found.keys() | expected.keys())
        if found.get(column) != expected.get(column)
    ]
    if problems:
        raise ProviderDataError(
            f"news provider {provider_name!r} delivered a frame of another shape: {'; '.join(problems)}. "
            "Correct its articles method."
        )
    return articles.select(list(expected))
