"""Several sources at once: news is a union, not a fallback.

``news.provider: [rss, alpaca]``, or ``union`` with the option ``sources: [rss, alpaca]``; the options of the sources
have their name in front: ``rss_feeds``, ``alpaca_tickers``. Copies are kept: the domain makes one article of them and remembers
who delivered it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Literal

import polars as pl

from nextgen_resources.errors import ProviderError, SettingsError
from nextgen_resources.http.policy import HttpPolicy
from nextgen_resources.member_options import options_by_member
from nextgen_resources.news import ARTICLE_SCHEMA, NewsProvider, check_articles, load_news_provider
from nextgen_resources.settings.data_sections import Credentials


class Provider:
    """The articles of all sources.

    Parameters
    ----------
    sources : iterable of str
        Names of two or more providers of news.
    on_failure : {'fail', 'report'}
        Whether one source that refuses fails the whole, or is only named in ``failures``; when all refuse,
        the whole fails.
    http, credentials : optional
        Handed to the sources.
    **options : object
        Options of the sources, each with the name of its source and an underscore in front.

    Attributes
    ----------
    failures : dict of str to ProviderError
        Sources that refused the newest question.

    Raises
    ------
    SettingsError
        Fewer than two sources, a source twice, or an option of none of them.
    """

    name = "union"

    def __init__(
        self,
        sources: Iterable[str],
        on_failure: Literal["fail", "report"] = "fail",
        http: HttpPolicy | None = None,
        credentials: Credentials | None = None,
        **options: Any,
    ) -> None:
        names = [sources] if isinstance(sources, str) else list(sources)
        if len(set(names)) < 2 or len(set(names)) < len(names) or self.name in names:
            raise SettingsError(
                f"union: sources is {names}, expected two or more different names, such as [rss, files]"
            )
        if on_failure not in ("fail", "report"):
            raise SettingsError(f"union: on_failure is {on_failure!r}, expected fail or report")
        self._on_failure = on_failure
        own = options_by_member(self.name, "source", names, options)
        self.sources: list[NewsProvider] = [
            load_news_provider(name, http, credentials, **own[name]) for name in names
        ]
        self.failures: dict[str, ProviderError] = {}

    def articles(self, first: date, last: date) -> pl.DataFrame:
        """Articles of every source from ``first`` to ``last``; see `NewsProvider.articles`.

        Raises
        ------
        ProviderError
            The first refusal, unless ``on_failure`` is ``report`` and another source answered.
        """
        self.failures = {}
        parts = []
        for source in self.sources:
            try:
                parts.append(check_articles(source.name, source.articles(first, last)))
            except ProviderError as error:
                self.failures[source.name] = error
                if self._on_failure == "fail":
                    raise
        if self.failures and not parts:
            raise next(iter(self.failures.values()))
        empty = pl.DataFrame(schema=dict(ARTICLE_SCHEMA))
        return pl.concat([empty, *parts]).sort("published_on", maintain_order=True, nulls_last=True)

    def close(self) -> None:
        """Close the connections of the sources."""
        for source in self.sources:
            if hasattr(source, "close"):
                source.close()
