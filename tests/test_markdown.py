"""Frames as Markdown: values as people write them, and tables that fit where the UI shows them."""

from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl

from nextgen_assets.markdown import markdown_table, preview

WIDE = pl.DataFrame({f"column_{number}": [1.5, 2.5, 3.5] for number in range(12)})


def test_values_are_written_as_people_write_them() -> None:
    frame = pl.DataFrame(
        {
            "cash": [Decimal("100.000000"), Decimal("-1121.220849")],
            "share": [0.028348287281676154, None],
            "known_at": [datetime(2013, 3, 1, 21, 30, tzinfo=UTC)] * 2,
            "day": [date(2013, 3, 1)] * 2,
            "vector": [[0.123456, -2.0, 3.0, 4.0], [1.0]],
            "tickers": [["AAPL", "IBM"], []],
        }
    )
    lines = markdown_table(frame).splitlines()
    assert lines[1] == "| ---: | ---: | --- | --- | --- | --- |"
    assert lines[2] == "| 100 | 0.0283483 | 2013-03-01 21:30 | 2013-03-01 | 0.123, -2, 3, … (4) | AAPL, IBM |"
    assert lines[3] == "| -1121.220849 |  | 2013-03-01 21:30 | 2013-03-01 | 1 |  |"


def test_pipes_are_escaped_and_long_text_is_cut() -> None:
    lines = markdown_table(pl.DataFrame({"ticker": ["A|B", "x" * 80]})).splitlines()
    assert lines[2:] == ["| A\\|B |", f"| {'x' * 59}… |"]


def test_no_rows_is_said_in_words() -> None:
    assert markdown_table(WIDE.clear()) == preview(WIDE.clear()) == "no rows"


def test_preview_of_few_columns_has_a_line_for_each_of_the_last_rows() -> None:
    lines = preview(pl.DataFrame({"n": range(20)})).splitlines()
    assert lines[0] == "| n |"
    assert lines[2:] == [f"| {number} |" for number in range(12, 20)]


def test_preview_of_many_columns_has_a_line_for_each_column() -> None:
    lines = preview(WIDE).splitlines()
    assert lines[0] == "| column | row 2 | row 3 |"
    assert lines[2] == "| column_0 | 2.5 | 3.5 |"
    assert len(lines) == 2 + WIDE.width


def test_preview_shown_in_place_never_has_more_columns_than_fit_there() -> None:
    few_rows = pl.DataFrame({f"c{number}": [1] for number in range(8)})
    assert preview(few_rows).startswith("| column | row 1 |")
    many_letters = pl.DataFrame({f"c{number}": ["a long word or two"] * 8 for number in range(8)})
    assert preview(many_letters).startswith("| c0 | c1 |")


def test_preview_cuts_hashes_and_a_table_keeps_them() -> None:
    frame = pl.DataFrame({"window_id": ["9bd0f30f6463d655878189ee848187e1"], "word": ["deadbeef"]})
    assert "| 9bd0f30f64… | deadbeef |" in preview(frame)
    assert "| 9bd0f30f6463d655878189ee848187e1 | deadbeef |" in markdown_table(frame)
