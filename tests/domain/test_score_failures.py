"""Failed scorings: the waits double up to a day, then the article is given up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from nextgen_assets.domain.score_failures import FAILURE_ROW_SCHEMA, KEY, due_items, failure_rows

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
FAILED = pl.DataFrame(
    {name: [f"{name} 1"] for name in KEY}
    | {"error_class": ["timeout"], "detail": ["no reply"], "retry_after_seconds": [None]},
    schema_overrides={"retry_after_seconds": pl.Float64},
)
NONE_BEFORE = pl.DataFrame(schema=FAILURE_ROW_SCHEMA)


def after(attempts: int, *, max_attempts: int = 99) -> dict[str, object]:
    """The row of the failure that follows ``attempts`` earlier ones."""
    earlier = NONE_BEFORE
    for number in range(attempts + 1):
        moment = NOW + timedelta(days=number)
        earlier = failure_rows(FAILED, earlier, moment, retry_minutes=60, max_attempts=max_attempts)
    return earlier.row(0, named=True) | {
        "wait": earlier["next_attempt_at"].item() and earlier["next_attempt_at"].item() - moment
    }


def test_a_first_failure_waits_the_first_wait() -> None:
    row = after(0)
    assert (row["attempts"], row["wait"]) == (1, timedelta(hours=1))
    assert row["first_failed_at"] == row["last_failed_at"] == NOW


def test_each_further_failure_doubles_the_wait_up_to_a_day() -> None:
    assert [after(n)["wait"] for n in range(1, 7)] == [
        timedelta(hours=hours) for hours in (2, 4, 8, 16, 24, 24)
    ]
    assert after(30)["wait"] == timedelta(days=1)


def test_a_longer_wait_that_the_service_stated_holds_and_a_shorter_one_does_not() -> None:
    for stated, minutes in ((7_200.5, 120.0 + 0.5 / 60), (30.0, 60.0)):
        told = FAILED.with_columns(retry_after_seconds=pl.lit(stated))
        row = failure_rows(told, NONE_BEFORE, NOW, retry_minutes=60, max_attempts=9)
        assert row["next_attempt_at"].item() - NOW == timedelta(minutes=minutes)


def test_an_article_in_another_language_is_not_tried_again() -> None:
    foreign = FAILED.with_columns(error_class=pl.lit("other_language"))
    row = failure_rows(foreign, NONE_BEFORE, NOW, retry_minutes=60, max_attempts=9)
    assert row["next_attempt_at"].item() is None


def test_the_last_attempt_is_given_up_and_the_first_moment_is_kept() -> None:
    row = after(2, max_attempts=3)
    assert (row["attempts"], row["next_attempt_at"], row["first_failed_at"]) == (3, None, NOW)
    assert row["last_failed_at"] == NOW + timedelta(days=2)


def test_items_are_due_from_their_next_attempt_on_and_never_once_given_up() -> None:
    items = pl.DataFrame({"article_id": ["a", "b", "c", "d"], "ticker": ["X"] * 4})
    failures = pl.DataFrame(
        {
            "article_id": ["a", "b", "c"],
            "ticker": ["X", "X", "X"],
            "next_attempt_at": [NOW, NOW + timedelta(minutes=1), None],
        }
    )
    assert due_items(items, failures, NOW)["article_id"].to_list() == ["a", "d"]


def test_no_failure_gives_no_row() -> None:
    empty = failure_rows(FAILED.clear(), NONE_BEFORE, NOW, retry_minutes=60, max_attempts=3)
    assert empty.schema == pl.Schema(FAILURE_ROW_SCHEMA)
    assert empty.is_empty()
