"""What a live source said, kept in a folder and said again: for tests, demonstrations and disputes.

``news.provider: recorded`` with ``path``; with ``record: alpaca`` the live source is asked and its answer kept,
without it only what was kept is answered. Options of the live source have its name in front
(``alpaca_tickers``). A folder holds one Parquet file per answer and ``manifest.jsonl``, one line each.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from nextgen_resources.clock import SystemClock
from nextgen_resources.errors import ProviderDataError
from nextgen_resources.http.policy import HttpPolicy
from nextgen_resources.member_options import options_of_recorded
from nextgen_resources.news import check_articles, load_news_provider
from nextgen_resources.settings.data_sections import Credentials

_MANIFEST = "manifest.jsonl"


class Provider:
    """A recording, played or being made.

    Parameters
    ----------
    path : str or Path
        Folder of the recording.
    record : str
        Live source to ask and record; empty: only replay.
    http, credentials : optional
        Handed to the live source.
    **options : object
        Options of the live source, each with its name and an underscore in front.

    Raises
    ------
    SettingsError
        An option without a live source to take it.

    Notes
    -----
    A range is answered by the newest recording that covers it; a range that none covers is an error, never an
    empty answer.
    """

    name = "recorded"

    def __init__(
        self,
        path: str | Path,
        record: str = "",
        http: HttpPolicy | None = None,
        credentials: Credentials | None = None,
        **options: Any,
    ) -> None:
        own = options_of_recorded(record, options)
        self._live = load_news_provider(record, http, credentials, **own) if record else None
        self._folder = Path(path).expanduser()
        self._clock = http.clock if http else SystemClock()

    def articles(self, first: date, last: date) -> pl.DataFrame:
        """Recorded articles from ``first`` to ``last``; see `NewsProvider.articles`.

        Raises
        ------
        ProviderDataError
            No recording covers the range, or the folder cannot be read.
        """
        if self._live is not None:
            frame = check_articles(self._live.name, self._live.articles(first, last))
            self._keep(first, last, frame)
        covering = [
            line for line in self._lines() if line["first"] <= str(first) and str(last) <= line["last"]
        ]
        if not covering:
            known = ", ".join(f"{line['first']}..{line['last']}" for line in self._lines()) or "nothing"
            raise ProviderDataError(
                f"recorded: no recording in {self._folder} covers {first}..{last}; it holds {known}. "
                "Record it with the option record"
            )
        try:
            frame = pl.read_parquet(self._folder / covering[-1]["file"])
        except (OSError, pl.exceptions.PolarsError) as error:
            raise ProviderDataError(f"recorded: {covering[-1]['file']} cannot be read: {error}") from error
        within = pl.col("published_on").is_between(first, last) | pl.col("published_on").is_null()
        return check_articles(self.name, frame).filter(within)

    def _keep(self, first: date, last: date, frame: pl.DataFrame) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        name = f"articles-{len(self._lines()):06d}.parquet"
        unfinished = self._folder / f"{name}.part"
        frame.write_parquet(unfinished)
        unfinished.rename(self._folder / name)
        line = {
            "first": str(first),
            "last": str(last),
            "file": name,
            "source": self._live.name if self._live else "",
            "recorded_at": self._clock.now().isoformat(),
        }
        with (self._folder / _MANIFEST).open("a", encoding="utf-8") as manifest:
            manifest.write(json.dumps(line) + "\n")

    def _lines(self) -> list[dict[str, str]]:
        manifest = self._folder / _MANIFEST
        if not manifest.is_file():
            return []
        try:
            return [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines() if line]
        except ValueError as error:
            raise ProviderDataError(f"recorded: {manifest} cannot be read: {error}") from error
