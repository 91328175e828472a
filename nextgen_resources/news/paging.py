"""Reading an answer of several pages to its end, or saying that it was not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from nextgen_resources.errors import ProviderDataError

MOST_PAGES = 400


def pages(ask: Callable[[str | None], Any], next_of: Callable[[Any], str | None], who: str) -> Iterator[Any]:
    """Every page, from ``ask(None)`` on, as long as one names the next.

    Raises
    ------
    ProviderDataError
        A page names one that was already read, or there are more than ``MOST_PAGES``: an answer that
        was not read to its end would look like fewer news.
    """
    token: str | None = None
    read: set[str | None] = set()
    while True:
        if token in read or len(read) >= MOST_PAGES:
            raise ProviderDataError(
                f"{who}: page {len(read) + 1} "
                + ("was already read" if token in read else f"is beyond the {MOST_PAGES} that are read")
                + "; ask for fewer days or name the tickers"
            )
        read.add(token)
        page = ask(token)
        yield page
        token = next_of(page)
        if not token:
            return
