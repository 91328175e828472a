"""Times of eighteen characters read by arithmetic, beside the parser of Polars that says what they mean."""

import random

import polars as pl

from nextgen_resources.market_data.ticks.compact_time import compact_wall

BY_POLARS = pl.col("time").str.to_datetime("%Y%m%d %H%M%S%3f", time_unit="us", strict=False)
ODD = (
    None,
    "",
    "20140229 120000000",
    "20160229 235959999",
    "20140301 240000000",
    "20140301 006000000",
    "20140301 000060000",
    "20140301 0000000000",
    "20140301 00000000",
    "20140301T000000000",
    "00010101 000000000",
    "99991231 235959999",
    "2014030é 00000000",
)


def _both(texts: list[str | None]) -> tuple[pl.Series, pl.Series]:
    found = pl.DataFrame({"time": texts}, schema={"time": pl.String()}).select(
        compact_wall(pl.col("time")).alias("ours"), BY_POLARS.alias("theirs")
    )
    return found["ours"], found["theirs"]


def test_plain_times_over_changes_of_the_day_are_those_of_polars() -> None:
    instants = (
        pl.Series(range(0, 40 * 86_400_000, 777_777)).cast(pl.Datetime("ms")).dt.strftime("%Y%m%d %H%M%S%3f")
    )
    ours, theirs = _both(instants.to_list())
    assert ours.null_count() == 0
    assert ours.equals(theirs)


def test_changed_cut_and_foreign_texts_are_accepted_and_refused_as_by_polars() -> None:
    draw = random.Random(7)
    texts: list[str | None] = [*ODD]
    for _ in range(20_000):
        text = list(draw.choice(["20140228 235959999", "20140301 000000000", "20151231 120000500"]))
        for _ in range(draw.choice([0, 1, 1, 2])):
            text[draw.randrange(len(text))] = draw.choice("0123456789 /:;+-~\x00é٣.")
        if draw.random() < 0.1:
            text.pop()
        texts.append("".join(text))
    ours, theirs = _both(texts)
    assert 0 < ours.null_count() < len(texts)
    assert ours.equals(theirs, null_equal=True)


def test_no_texts_and_a_part_of_a_column_keep_their_places() -> None:
    assert _both([])[0].dtype == pl.Datetime("us")
    frame = pl.DataFrame({"time": ["20140301 000000001", None, "20140302 000000002", "20140303 000000003"]})
    part = frame.slice(2).select(compact_wall(pl.col("time")))["time"]
    assert part.equals(frame.select(BY_POLARS)["time"].slice(2))
