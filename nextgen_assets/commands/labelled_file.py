"""Labelled text from a file of any kind that people keep it in, as three labels."""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import polars as pl

from nextgen_resources.errors import SettingsError

LABELS = ("negative", "neutral", "positive")
WORDS = {
    "negative": "negative", "neg": "negative", "bearish": "negative", "-1": "negative",
    "neutral": "neutral", "neu": "neutral", "none": "neutral", "0": "neutral",
    "positive": "positive", "pos": "positive", "bullish": "positive", "1": "positive",
}  # fmt: skip
TEXT_NAMES = ("text", "headline", "title", "sentence", "tweet", "message", "content", "news")
LABEL_NAMES = (
    "label",
    "sentiment",
    "sentiment_label",
    "sentiment_score",
    "score",
    "polarity",
    "class",
    "target",
)
DATE_NAMES = ("date", "published_at", "published_on", "created_at", "time")


@dataclass(frozen=True)
class LabelledColumns:
    """Where things stand in the file.

    Attributes
    ----------
    text, label, day : str or None
        Names of columns; None: the first of the usual names that the file has.
    where : str or None
        ``column=value``: only these rows.
    label_map : mapping of str to str
        What the file's labels mean, where they are not words for negative, neutral and positive.
    neutral_below : float
        A numeric label from -1 to 1 that is smaller than this in size is neutral.
    after : date or None
        Only rows of days after this one.
    """

    text: str | None = None
    label: str | None = None
    day: str | None = None
    where: str | None = None
    label_map: dict[str, str] = field(default_factory=dict)
    neutral_below: float = 0.05
    after: date | None = None


def read_labelled(path: Path, columns: LabelledColumns) -> pl.DataFrame:
    """Rows of ``path`` (CSV, TSV, JSONL, JSON or Parquet) with text and label: columns text and label.

    Rows without text or label are left out.

    Raises
    ------
    SettingsError
        The file cannot be read, a column is missing, or a label has no known meaning.
    """
    frame = _rows(path)
    if columns.where:
        name, _, value = columns.where.partition("=")
        frame = frame.filter(pl.col(_column(frame, name, (), "--where", path)).cast(pl.String) == value)
    if columns.after is not None:
        day = _column(frame, columns.day, DATE_NAMES, "--date-column", path)
        days = pl.col(day).cast(pl.String).str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
        frame = frame.filter(days > columns.after)
    text = _column(frame, columns.text, TEXT_NAMES, "--text-column", path)
    label = _column(frame, columns.label, LABEL_NAMES, "--label-column", path)
    kept = frame.select(text=pl.col(text).cast(pl.String), label=pl.col(label)).drop_nulls()
    kept = kept.filter(pl.col("text").str.strip_chars() != "")
    if kept.is_empty():
        raise SettingsError(
            f"{path.name} has no row with both {text} and {label}; look at the file or the filters"
        )
    return kept.with_columns(_labels(kept["label"], columns, path))


def _rows(path: Path) -> pl.DataFrame:
    if not path.is_file():
        raise SettingsError(f"there is no file {path}; name a CSV, TSV, JSONL, JSON or Parquet file")
    try:
        match path.suffix.lower():
            case ".parquet":
                return pl.read_parquet(path)
            case ".csv":
                return pl.read_csv(path, infer_schema_length=None)
            case ".tsv":
                return pl.read_csv(path, separator="\t", infer_schema_length=None)
            case ".jsonl" | ".ndjson":
                return pl.read_ndjson(path, infer_schema_length=None)
            case ".json":
                return pl.read_json(path, infer_schema_length=None)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise SettingsError(f"{path.name} cannot be read: {error}") from error
    raise SettingsError(
        f"{path.name} ends in {path.suffix!r}; expected .csv, .tsv, .jsonl, .json or .parquet"
    )


def _column(frame: pl.DataFrame, name: str | None, usual: tuple[str, ...], option: str, path: Path) -> str:
    if name is not None:
        if name not in frame.columns:
            raise SettingsError(f"{path.name} has no column {name!r}; it has {frame.columns} ({option})")
        return name
    by_lower = {column.lower(): column for column in reversed(frame.columns)}
    for candidate in usual:
        if candidate in by_lower:
            return by_lower[candidate]
    raise SettingsError(f"{path.name} has the columns {frame.columns}; say which with {option}")


def _labels(labels: pl.Series, columns: LabelledColumns, path: Path) -> pl.Series:
    if columns.label_map:
        return _mapped(labels.cast(pl.String), columns.label_map, path)
    numbers = labels.cast(pl.Float64, strict=False)
    if numbers.null_count() == 0:
        low, high = float(numbers.min()), float(numbers.max())  # type: ignore[arg-type]
        if not (low >= -1 and high <= 1) or (low >= 0 and labels.dtype.is_integer()):
            raise SettingsError(
                f"{path.name}: the labels are numbers from {low:g} to {high:g}, expected scores from -1 to 1; "
                "say what they mean, for example --label-map 0=negative,1=neutral,2=positive"
            )
        edge = columns.neutral_below
        signed = (
            pl.when(numbers >= edge).then(pl.lit("positive")).when(numbers <= -edge).then(pl.lit("negative"))
        )
        return pl.select(signed.otherwise(pl.lit("neutral")).alias("label")).to_series()
    return _mapped(labels.cast(pl.String), WORDS, path)


def _mapped(labels: pl.Series, meaning: dict[str, str], path: Path) -> pl.Series:
    found = (
        labels.str.strip_chars()
        .str.to_lowercase()
        .replace_strict(
            {key.lower(): value for key, value in meaning.items()}, default=None, return_dtype=pl.String
        )
    )
    strange = labels.filter(found.is_null()).unique().sort().to_list()
    wrong = sorted(set(meaning.values()) - set(LABELS))
    if strange or wrong:
        raise SettingsError(
            f"{path.name}: labels {strange[:5]} have no meaning among {', '.join(LABELS)}; "
            "say it with --label-map, for example bad=negative,good=positive"
        )
    return found.alias("label")
