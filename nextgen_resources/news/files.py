"""News from the user's own files: CSV, JSON lines or Parquet, one row per article.

Columns: ``headline`` and ``published_at`` are required; ``tickers``, ``body``, ``url``, ``source`` and
``language`` are optional; others are ignored. Each is found by its other usual names too (`OTHER_NAMES`).
``tickers`` is a list, or text separated by semicolons; without it the names in the text decide.
``published_at`` is an ISO date and time with its offset (``2024-05-01T16:30:00-04:00``), or an ISO date
alone where only the day is known. A time without an offset is refused: guessing the zone would move
articles across the close.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from nextgen_resources.errors import ProviderDataError
from nextgen_resources.news import ARTICLE_SCHEMA

_NEW_YORK = ZoneInfo("America/New_York")
_REQUIRED = ("headline", "published_at")
OTHER_NAMES = {
    "headline": ("title",),
    "published_at": ("published", "published_utc", "created_at", "pub_date"),
    "tickers": ("symbols", "ticker", "symbol"),
    "body": ("summary", "description", "content"),
    "url": ("link", "article_url"),
    "source": ("publisher",),
    "language": ("lang",),
}
"""What a column may be called instead, the preferred name first."""
_SUFFIXES = (".csv", ".jsonl", ".ndjson", ".parquet")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_SHOWN_ROWS = 5


class Provider:
    """Reads one file, or every news file of one directory (without its subdirectories).

    Parameters
    ----------
    path : str or pathlib.Path
        File or directory; files end in .csv, .jsonl, .ndjson or .parquet and are read in name order.
    source : str, optional
        Value of ``source`` where the file has none.
    language : str, optional
        Value of ``language`` where the file has none, an ISO 639-1 code.
    """

    name = "files"

    def __init__(self, path: str | Path, source: str = "files", language: str = "en") -> None:
        self._path = Path(path).expanduser()
        self._source = source
        self._language = language

    def articles(self, first: date, last: date) -> pl.DataFrame:
        """Articles from ``first`` to ``last`` inclusive (days in New York); see `NewsProvider.articles`.

        The files are read anew at each call, so that additions are seen.

        Raises
        ------
        ProviderDataError
            The path is missing or holds no news file; a file cannot be read, lacks a required column, or
            has a ``published_at`` that is empty, unreadable or without offset. The message names the file
            and the rows (counted from 1, without the header). Rows without headline or ticker are passed
            on: the domain quarantines them.
        """
        frames = [self._read(file) for file in _news_files(self._path)]
        articles = pl.concat(frames).filter(pl.col("published_on").is_between(first, last))
        return articles.sort("published_on", maintain_order=True)

    def _read(self, file: Path) -> pl.DataFrame:
        frame = _with_our_names(_load(file))
        missing = [column for column in _REQUIRED if column not in frame.columns]
        if missing:
            raise ProviderDataError(
                f"files: {file} lacks the column(s) {', '.join(missing)}; found {', '.join(frame.columns)}. "
                f"Expected {', '.join(_REQUIRED)} and optionally tickers, body, url, source, language."
            )
        days, instants = _publication(file, frame["published_at"])
        return frame.select(
            pl.col("headline").cast(pl.String),
            _text(frame, "body", None),
            _text(frame, "url", None),
            _tickers(frame),
            pl.Series("published_on", days, dtype=pl.Date),
            pl.Series("published_at", instants, dtype=ARTICLE_SCHEMA["published_at"]),
            _text(frame, "source", self._source),
            _text(frame, "language", self._language),
        )


def _news_files(path: Path) -> list[Path]:
    if path.is_file():
        found = [path]
    elif path.is_dir():
        found = sorted(entry for entry in path.iterdir() if entry.suffix.lower() in _SUFFIXES)
    else:
        raise ProviderDataError(f"files: {path} does not exist; set the option path to a file or directory.")
    if not found or found[0].suffix.lower() not in _SUFFIXES:
        raise ProviderDataError(
            f"files: no news in {path}; expected files that end in {', '.join(_SUFFIXES)}."
        )
    return found


def _load(file: Path) -> pl.DataFrame:
    try:
        match file.suffix.lower():
            case ".csv":
                return pl.read_csv(file, infer_schema=False)
            case ".parquet":
                return pl.read_parquet(file)
            case _:
                return pl.read_ndjson(file, infer_schema_length=None)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ProviderDataError(f"files: {file} cannot be read: {error}") from error


def _with_our_names(frame: pl.DataFrame) -> pl.DataFrame:
    renamed = {}
    for name, others in OTHER_NAMES.items():
        known = [other for other in others if other in frame.columns]
        if name not in frame.columns and known:
            renamed[known[0]] = name
    return frame.rename(renamed)


def _text(frame: pl.DataFrame, column: str, default: str | None) -> pl.Expr:
    if column not in frame.columns:
        return pl.lit(default, pl.String).alias(column)
    return pl.col(column).cast(pl.String).fill_null(pl.lit(default, pl.String))


def _tickers(frame: pl.DataFrame) -> pl.Expr:
    if "tickers" not in frame.columns:
        return pl.lit([], pl.List(pl.String)).alias("tickers")
    tickers = pl.col("tickers")
    if not isinstance(frame.schema["tickers"], pl.List):
        tickers = tickers.cast(pl.String).str.split(";")
    stripped = tickers.cast(pl.List(pl.String)).list.eval(pl.element().str.strip_chars())
    return stripped.list.eval(pl.element().filter(pl.element() != "")).alias("tickers")


def _publication(file: Path, published: pl.Series) -> tuple[list[date], list[datetime | None]]:
    """Day in New York and instant (null when only the day is known) of every row."""
    days: list[date] = []
    instants: list[datetime | None] = []
    unreadable: list[str] = []
    for row, value in enumerate(published.to_list(), start=1):
        moment = _moment(value)
        if moment is None:
            unreadable.append(f"row {row}: {value!r}")
            continue
        instant = moment if isinstance(moment, datetime) else None
        days.append(moment if instant is None else instant.astimezone(_NEW_YORK).date())
        instants.append(instant)
    if unreadable:
        shown = "; ".join(unreadable[:_SHOWN_ROWS])
        raise ProviderDataError(
            f"files: {file} has {len(unreadable)} unusable published_at ({shown}); "
            "expected an ISO date, or an ISO date and time with its offset such as 2024-05-01T16:30:00-04:00."
        )
    return days, instants


def _moment(value: object) -> date | datetime | None:
    """The day or the aware instant that ``value`` states; None when it states neither."""
    if isinstance(value, str):
        text = value.strip()
        try:
            value = date.fromisoformat(text) if _DAY.fullmatch(text) else datetime.fromisoformat(text)
        except ValueError:
            return None
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo is not None else None
    return value if isinstance(value, date) else None
