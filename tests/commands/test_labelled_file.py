"""Labelled files as people keep them: formats, names of columns, kinds of labels, and clear refusals."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from nextgen_assets.commands.labelled_file import LabelledColumns, read_labelled
from nextgen_resources.errors import SettingsError

ROWS = pl.DataFrame(
    {
        "Sentence": ["profit rose", "profit fell", "board met", None, "  "],
        "Sentiment": ["positive", "NEGATIVE", "neutral", "neutral", "neutral"],
        "date": ["2020-01-02", "2020-01-03T10:00:00Z", "2021-05-01", "2021-05-01", "2021-05-01"],
    }
)
LABELS = ["positive", "negative", "neutral"]


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "json", "parquet"])
def test_every_format_gives_the_same_rows(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"file.{ending}"
    writers = {
        "csv": ROWS.write_csv,
        "tsv": lambda where: ROWS.write_csv(where, separator="\t"),
        "jsonl": ROWS.write_ndjson,
        "json": ROWS.write_json,
        "parquet": ROWS.write_parquet,
    }
    writers[ending](path)
    found = read_labelled(path, LabelledColumns())
    assert found["text"].to_list() == ["profit rose", "profit fell", "board met"]
    assert found["label"].to_list() == LABELS


def write(folder: Path, labels: list[object], **more: list[object]) -> Path:
    path = folder / "file.parquet"
    pl.DataFrame({"text": [f"text {n}" for n in range(len(labels))], "label": labels} | more).write_parquet(
        path
    )
    return path


def test_scores_from_minus_one_to_one_become_labels_by_their_size(tmp_path: Path) -> None:
    path = write(tmp_path, [0.6, -0.05, 0.049])
    assert read_labelled(path, LabelledColumns())["label"].to_list() == ["positive", "negative", "neutral"]
    wide = read_labelled(path, LabelledColumns(neutral_below=0.5))
    assert wide["label"].to_list() == ["positive", "neutral", "neutral"]


def test_whole_numbers_with_a_sign_are_labels(tmp_path: Path) -> None:
    assert read_labelled(write(tmp_path, [1, -1, 0]), LabelledColumns())["label"].to_list() == LABELS


def test_class_numbers_are_refused_until_their_meaning_is_said(tmp_path: Path) -> None:
    path = write(tmp_path, [0, 1, 2])
    with pytest.raises(SettingsError, match=r"from 0 to 2, expected scores from -1 to 1; .*--label-map"):
        read_labelled(path, LabelledColumns())
    meaning = {"0": "negative", "1": "positive", "2": "neutral"}
    found = read_labelled(path, LabelledColumns(label_map=meaning))
    assert found["label"].to_list() == ["negative", "positive", "neutral"]


def test_class_numbers_of_two_classes_are_not_taken_for_scores(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="from 0 to 1"):
        read_labelled(write(tmp_path, [0, 1]), LabelledColumns())


def test_where_and_after_select_rows(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        ["positive", "negative", "neutral"],
        split=["a", "b", "b"],
        day=["2020-01-01", "2020-01-01", "2022-01-01"],
    )
    assert read_labelled(path, LabelledColumns(where="split=b"))["label"].to_list() == ["negative", "neutral"]
    late = LabelledColumns(day="day", after=date(2020, 1, 1))
    assert read_labelled(path, late)["label"].to_list() == ["neutral"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (LabelledColumns(text="body"), r"no column 'body'; it has .*--text-column"),
        (LabelledColumns(where="label=joyful"), "no row with both"),
        (LabelledColumns(label_map={"positive": "good"}), "have no meaning"),
        (LabelledColumns(after=date(2020, 1, 1)), "say which with --date-column"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_option_to_set(
    tmp_path: Path, columns: LabelledColumns, message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        read_labelled(write(tmp_path, ["positive", "negative"]), columns)


def test_a_label_without_a_meaning_is_quoted(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"labels \['meh'\] have no meaning"):
        read_labelled(write(tmp_path, ["positive", "meh"]), LabelledColumns())


def test_no_file_an_unknown_ending_and_a_broken_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no file"):
        read_labelled(tmp_path / "none.csv", LabelledColumns())
    (tmp_path / "a.xls").write_bytes(b"x")
    with pytest.raises(SettingsError, match=r"expected \.csv"):
        read_labelled(tmp_path / "a.xls", LabelledColumns())
    (tmp_path / "a.parquet").write_bytes(b"x")
    with pytest.raises(SettingsError, match="cannot be read"):
        read_labelled(tmp_path / "a.parquet", LabelledColumns())
