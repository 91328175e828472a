"""Exports hold no formula, however hostile the text; a file is there whole or not at all."""

from __future__ import annotations

import csv
import re
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from nextgen_resources import exports
from nextgen_resources.exports import FORMULA_STARTS, neutralised, write_csv, write_text, write_xlsx

HOSTILE = [
    "=HYPERLINK(\"https://example.org\",\"x\")", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1+1", "＝1+1",
    "\u00a0=cmd|' /C calc'!A0", "https://example.org", "=",
]  # fmt: skip
FRAME = pl.DataFrame(
    {
        "ticker": HOSTILE,
        "amount_usd": pl.Series([Decimal("-1.250000")] * len(HOSTILE), dtype=pl.Decimal(20, 6)),
        "change": [-0.5] * len(HOSTILE),
        "session_date": [date(2013, 3, 1)] * len(HOSTILE),
        "as_of": [datetime(2013, 3, 1, 21, 30, tzinfo=UTC)] * len(HOSTILE),
        "names": [["=1", "b"]] * len(HOSTILE),
    }
)


def test_every_text_that_could_be_a_formula_is_led_by_an_apostrophe_in_csv(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "out" / "trades.csv", FRAME)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["ticker"] for row in rows] == [
        text if text.startswith("https") else f"'{text}" for text in HOSTILE
    ]
    assert {row["amount_usd"] for row in rows} == {"-1.250000"}  # a number stays a number
    assert {row["change"] for row in rows} == {"-0.5"}
    for row in rows:
        assert not row["ticker"].strip(" \u00a0").startswith(FORMULA_STARTS)


def test_a_workbook_has_no_formula_and_no_link(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "book.xlsx", {"trades": FRAME, "empty": FRAME.clear()})
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        sheets = [archive.read(name).decode() for name in names if name.startswith("xl/worksheets/sheet")]
        shared = archive.read("xl/sharedStrings.xml").decode()
    assert len(sheets) == 2
    assert not any("<f>" in sheet or "<f " in sheet or "<hyperlink" in sheet for sheet in sheets)
    texts = re.findall(r"<t[^>]*>([^<]*)</t>", shared)
    assert len(texts) > len(HOSTILE)
    assert not [text for text in texts if text.strip(" \u00a0").startswith(FORMULA_STARTS)]
    assert [file.name for file in tmp_path.iterdir()] == ["book.xlsx"]


def test_ordinary_texts_and_nulls_are_left_alone() -> None:
    frame = pl.DataFrame({"ticker": ["AAPL", None, "BRK-B", "a=b", ""]})
    assert neutralised(frame).equals(frame)


def test_a_table_too_long_for_a_sheet_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "_LARGEST_SHEET_ROWS", 2)
    with pytest.raises(ValueError, match="11 rows; a sheet holds 2; export it as CSV"):
        write_xlsx(tmp_path / "book.xlsx", {"trades": FRAME})
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_finished_leaves_the_old_one(tmp_path: Path) -> None:
    path = write_text(tmp_path / "page.html", "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "new \ud800")
    assert path.read_text() == "old"
