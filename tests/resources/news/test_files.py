"""News from the user's own files: three formats, one frame, errors that name the place."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from nextgen_resources.errors import ProviderDataError, SettingsError
from nextgen_resources.news import ARTICLE_SCHEMA, check_articles, load_news_provider
from nextgen_resources.settings.loader import load_settings

ALL = (date.min, date.max)
CSV = """headline,tickers,published_at,body,url
"Apple sues, again",AAPL; IBM,2024-05-01T16:45:00-04:00,Long story.,https://example.com/1
IBM raises dividend,IBM,2024-04-30,,
"""
RECORDS = [
    {
        "headline": "Apple sues, again",
        "tickers": ["AAPL", "IBM"],
        "published_at": "2024-05-01T20:45:00Z",
        "body": "Long story.",
        "url": "https://example.com/1",
    },
    {
        "headline": "IBM raises dividend",
        "tickers": ["IBM"],
        "published_at": "2024-04-30",
        "body": None,
        "url": None,
    },
]


def read(path: Path, first: date = ALL[0], last: date = ALL[1], **options: str) -> pl.DataFrame:
    return load_news_provider("files", path=str(path), **options).articles(first, last)


def write_three_formats(folder: Path) -> list[Path]:
    (folder / "news.csv").write_text(CSV)
    (folder / "news.jsonl").write_text("\n".join(map(json.dumps, RECORDS)))
    pl.read_ndjson(folder / "news.jsonl").write_parquet(folder / "news.parquet")
    return [folder / f"news.{suffix}" for suffix in ("csv", "jsonl", "parquet")]


def test_csv_json_lines_and_parquet_give_the_same_frame(tmp_path: Path) -> None:
    from_csv, from_jsonl, from_parquet = map(read, write_three_formats(tmp_path))
    assert check_articles("files", from_csv).schema == pl.Schema(ARTICLE_SCHEMA)
    assert from_csv.equals(from_jsonl)
    assert from_csv.equals(from_parquet)
    assert from_csv.rows() == [
        ("IBM raises dividend", None, None, ["IBM"], date(2024, 4, 30), None, "files", "en"),
        (
            "Apple sues, again",
            "Long story.",
            "https://example.com/1",
            ["AAPL", "IBM"],
            date(2024, 5, 1),
            datetime(2024, 5, 1, 20, 45, tzinfo=UTC),
            "files",
            "en",
        ),
    ]


def test_a_directory_is_read_whole_in_name_order_and_other_files_are_left(tmp_path: Path) -> None:
    write_three_formats(tmp_path)
    (tmp_path / "README.md").write_text("not news")
    assert read(tmp_path).height == 6


def test_the_range_is_of_days_in_new_york(tmp_path: Path) -> None:
    file = tmp_path / "n.csv"
    file.write_text("headline,tickers,published_at\nlate,AAPL,2024-05-02T01:00:00Z\n")
    assert read(file)["published_on"].to_list() == [date(2024, 5, 1)]
    assert read(file, date(2024, 5, 1), date(2024, 5, 1)).height == 1
    assert read(file, date(2024, 5, 2), date(2024, 5, 2)).is_empty()


def test_typed_parquet_dates_and_aware_instants_are_read(tmp_path: Path) -> None:
    frame = pl.DataFrame({"headline": ["x"], "tickers": ["AAPL"]})
    moment = datetime(2024, 5, 1, 14, 0, tzinfo=UTC)
    frame.with_columns(published_at=pl.lit(moment)).write_parquet(tmp_path / "a.parquet")
    frame.with_columns(published_at=pl.lit(date(2024, 5, 2))).write_parquet(tmp_path / "b.parquet")
    assert read(tmp_path).select("published_on", "published_at").rows() == [
        (date(2024, 5, 1), moment),
        (date(2024, 5, 2), None),
    ]


def test_source_and_language_come_from_the_file_or_else_the_options(tmp_path: Path) -> None:
    file = tmp_path / "n.csv"
    file.write_text("headline,tickers,published_at,source\na,AAPL,2024-05-01,wire\nb,AAPL,2024-05-01,\n")
    frame = read(file, source="desk", language="fr")
    assert frame["source"].to_list() == ["wire", "desk"]
    assert frame["language"].to_list() == ["fr", "fr"]


def test_rows_without_headline_or_ticker_are_passed_on_to_be_quarantined(tmp_path: Path) -> None:
    file = tmp_path / "n.csv"
    file.write_text("headline,tickers,published_at\n,AAPL,2024-05-01\nb,,2024-05-01\nc, ; ,2024-05-01\n")
    assert read(file).select("headline", "tickers").rows() == [(None, ["AAPL"]), ("b", None), ("c", [])]


def test_a_missing_column_is_named_with_those_found(tmp_path: Path) -> None:
    file = tmp_path / "n.csv"
    file.write_text("words,tickers,date\nx,AAPL,2024-05-01\n")
    with pytest.raises(
        ProviderDataError, match=r"n\.csv lacks the column\(s\) headline, published_at; found words"
    ):
        read(file)


def test_usual_names_of_columns_are_understood_and_tickers_may_be_absent(tmp_path: Path) -> None:
    file = tmp_path / "n.csv"
    file.write_text(
        "title,published_utc,link,summary\nApple sues,2024-05-01T12:00:00Z,https://e.com/1,Long.\n"
    )
    row = read(file).row(0, named=True)
    assert (row["headline"], row["url"], row["body"]) == ("Apple sues", "https://e.com/1", "Long.")
    assert row["tickers"] == []


@pytest.mark.parametrize(
    "value", ["2024-05-01T16:00:00", "2024-05-01 16:00", "yesterday", "05/01/2024", "2024-13-01", ""]
)
def test_a_moment_without_offset_or_sense_is_refused_with_its_row(tmp_path: Path, value: str) -> None:
    file = tmp_path / "n.csv"
    file.write_text(f"headline,tickers,published_at\na,AAPL,2024-05-01\nb,AAPL,{value}\n")
    with pytest.raises(ProviderDataError, match=r"1 unusable published_at \(row 2: .*with its offset"):
        read(file)


def test_a_naive_parquet_instant_is_refused(tmp_path: Path) -> None:
    frame = pl.DataFrame({"headline": ["x"], "tickers": ["A"], "published_at": [datetime(2024, 5, 1, 9)]})  # noqa: DTZ001
    frame.write_parquet(tmp_path / "n.parquet")
    with pytest.raises(ProviderDataError, match="row 1"):
        read(tmp_path / "n.parquet")


def test_a_path_without_news_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(ProviderDataError, match="does not exist"):
        read(tmp_path / "absent")
    with pytest.raises(ProviderDataError, match=r"no news in .*\.jsonl"):
        read(tmp_path)
    (tmp_path / "n.parquet").write_text("not parquet")
    with pytest.raises(ProviderDataError, match="cannot be read"):
        read(tmp_path)


def test_a_frame_of_another_shape_is_refused_by_column() -> None:
    wrong = pl.DataFrame(schema=dict(ARTICLE_SCHEMA) | {"published_on": pl.String()}).drop("url")
    with pytest.raises(ProviderDataError, match="published_on is String, expected Date; url is missing"):
        check_articles("acme", wrong)


def test_a_list_of_providers_in_the_settings_is_their_union(tmp_path: Path) -> None:
    (tmp_path / "n.csv").write_text("headline,published_at,tickers\nIBM wins an order,2005-03-02,IBM\n")
    environ = {
        "NEXTGEN__NEWS__PROVIDER": "[chronicle, files]",
        "NEXTGEN__NEWS__PROVIDER_OPTIONS__FILES_PATH": str(tmp_path),
    }
    news = load_settings(environ=environ).news
    assert news.sources == ("chronicle", "files")
    source = load_news_provider(news.provider, **news.provider_options)
    assert source.name == "union"
    found = source.articles(date(2005, 1, 1), date(2005, 12, 31))
    alone = load_news_provider("chronicle").articles(date(2005, 1, 1), date(2005, 12, 31))
    assert found.height == alone.height + 1 > 1
    assert "IBM wins an order" in found["headline"].to_list()


@pytest.mark.parametrize("named", ["[files]", "[files, files]", "[files, 'Bad Name']"])
def test_a_list_of_one_or_of_twins_is_refused(named: str) -> None:
    with pytest.raises(SettingsError, match=r"news\.provider"):
        load_settings(environ={"NEXTGEN__NEWS__PROVIDER": named})
