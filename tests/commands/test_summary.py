"""The summary fits the terminal that people have, and writes numbers as people do."""

import io

import polars as pl
import pytest
from rich.console import Console

from nextgen_assets.commands.summary import SCORES, by_asset, quality_table, stage_table
from nextgen_assets.domain.evaluation import EvaluationSummary
from nextgen_assets.results import Results

CONTENDERS = (
    ("predictions", "model"),
    ("base_rate", "member"),
    ("lstm", "member"),
    ("always up", "baseline"),
)
EVALUATION = pl.DataFrame(
    [
        {"contender": name, "kind": kind, "n": 11_301, "n_sessions": 3_015}
        | {
            f"{score.key}{end}": None if name == "always up" and score.key != "accuracy" else value
            for score in SCORES
            for end, value in (("", 0.5), ("_lower", -0.4), ("_upper", 0.6))
        }
        for name, kind in CONTENDERS
    ]
)
TABLES = pl.DataFrame(
    [("prices", "prices", 12_154), ("news", "news", 424), ("quarantine", "prices", 0)],
    schema=["table_name", "asset", "row_count"],
    orient="row",
)
RESULTS = Results(TABLES, EvaluationSummary(EVALUATION, "verdict"), pl.DataFrame(), pl.DataFrame(), None)


def lines_at(width: int) -> list[str]:
    console = Console(width=width, file=io.StringIO())
    console.print(quality_table(RESULTS, is_wide=width >= 110))
    return console.file.getvalue().splitlines()


def test_scores_fit_80_columns_with_the_interval_below() -> None:
    lines = lines_at(80)
    assert max(map(len, lines)) <= 80
    own = next(number for number, line in enumerate(lines) if line.strip().startswith("ensemble"))
    assert lines[own].split() == ["ensemble", "50.0%", "0.5000", "0.5000", "50.0%", "+0.500"]
    assert lines[own + 1].split() == [
        "-40.0…60.0%",
        "-0.400…0.600",
        "-0.400…0.600",
        "-40.0…60.0%",
        "-0.40…+0.60",
    ]


def test_scores_at_120_columns_have_the_interval_beside() -> None:
    own = next(line for line in lines_at(120) if line.strip().startswith("ensemble"))
    assert own.split()[1:3] == ["50.0%", "-40.0…60.0%"]


def test_what_a_contender_does_not_state_is_a_dash() -> None:
    line = next(line for line in lines_at(120) if line.strip().startswith("always up"))
    assert line.split()[-4:] == ["–"] * 4


@pytest.mark.parametrize(
    ("key", "lower", "upper", "text"),
    [
        ("accuracy", 0.514, 0.56, "51.4–56.0%"),
        ("brier_score", 0.2467, 0.2528, "0.247–0.253"),
        ("information_coefficient", -0.021, 0.074, "-0.02…+0.07"),
        ("coverage", None, None, ""),
    ],
)
def test_interval_is_written_short(key: str, lower: float | None, upper: float | None, text: str) -> None:
    score = next(score for score in SCORES if score.key == key)
    assert score.interval(lower, upper) == text


def test_tables_stand_under_their_asset() -> None:
    assert [name for name, _, _ in by_asset(TABLES)] == ["prices", "quarantine", "news"]
    console = Console(width=80, file=io.StringIO())
    console.print(stage_table(RESULTS, {"prices": 1.25}))
    assert "prices                 12,154       1.2" in console.file.getvalue()
