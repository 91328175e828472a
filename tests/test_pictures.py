"""Pictures are small PNGs of the right width, the same for the same data, and touch no global state."""

import struct
import subprocess
import sys
from datetime import date

import numpy as np
import polars as pl
import pytest

from nextgen_assets import pictures
from nextgen_assets.coverage_picture import coverage_picture
from nextgen_assets.domain.coverage import COVERAGE_SCHEMA
from nextgen_assets.domain.sessions import xnys
from nextgen_assets.drawing import NothingToDrawError

DAYS = xnys().between(date(2011, 1, 3), date(2012, 12, 31))
RNG = np.random.default_rng(7)
NAV = 100_000 * np.exp(np.cumsum(RNG.normal(0, 0.01, len(DAYS))))
VALUES = pl.DataFrame(
    {
        "session_date": DAYS,
        "net_asset_value_usd": pl.Series(NAV).cast(pl.Decimal(20, 6)),
        "benchmark_value_usd": NAV[::-1],
        "drawdown": 1 - NAV / np.maximum.accumulate(NAV),
    }
)
BARS = pl.DataFrame({"session_date": DAYS, "close": NAV / 1000})
PREDICTIONS = pl.DataFrame(
    {
        "session_date": DAYS[:-5],
        "target_session_date": DAYS[5:],
        "lower_log_return": -0.03,
        "upper_log_return": 0.03,
        "expected_log_return": 0.0,
        "is_inside_interval": [True, False, None] * ((len(DAYS) - 5) // 3) + [None] * ((len(DAYS) - 5) % 3),
    }
)
HEALTH = pl.DataFrame(
    {
        "component": ["news", "ledger"] * len(DAYS),
        "session_date": [day for day in DAYS for _ in range(2)],
        "status": ["ok", "fail"] * len(DAYS),
    }
)
CURVES = pl.DataFrame(
    {
        "family": "lstm",
        "epoch": [1, 2, 3],
        "training_loss": [0.69, 0.68, 0.67],
        "validation_loss": [0.69, None, 0.69],
    }
)
SENTIMENT = pl.DataFrame(
    {
        "session_date": DAYS[::9], "mean_sentiment": RNG.uniform(-1, 1, len(DAYS[::9])),
        "decayed_sentiment": 0.1, "article_count": 3,
    }
)  # fmt: skip
PROBABILITY = RNG.uniform(0.3, 0.7, 500)
DRAWINGS = {
    "equity": lambda: pictures.equity_curve(VALUES),
    "reliability": lambda: pictures.reliability_diagram(PROBABILITY, PROBABILITY > 0.5),
    "price": lambda: pictures.price_with_predictions(BARS, PREDICTIONS, "AAPL"),
    "health": lambda: pictures.health_overview(HEALTH),
    "learning": lambda: pictures.learning_curves(CURVES),
    "sentiment": lambda: pictures.sentiment_timeline(SENTIMENT, "AAPL"),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_picture_is_a_small_png_900_pixels_wide_with_a_title(name):
    picture = DRAWINGS[name]()
    assert picture.png.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">I", picture.png[16:20])[0] == 900
    assert len(picture.png) < 60_000
    assert picture.markdown.startswith(f"![{picture.title}](data:image/png;base64,iVBOR")


@pytest.mark.parametrize("name", ["equity", "health"])
def test_equal_data_give_equal_bytes(name):
    assert DRAWINGS[name]().png == DRAWINGS[name]().png


def test_other_data_give_another_picture():
    assert pictures.equity_curve(VALUES.head(100)).png != pictures.equity_curve(VALUES).png


def test_a_single_row_can_be_drawn():
    assert pictures.equity_curve(VALUES.head(1)).png
    assert pictures.reliability_diagram(np.array([0.6]), np.array([True])).png
    assert pictures.price_with_predictions(BARS.head(1), PREDICTIONS.clear(), "AAPL").png
    assert pictures.health_overview(HEALTH.head(1)).png


def test_nothing_to_draw_says_what_to_do():
    with pytest.raises(pictures.NothingToDrawError, match="portfolio_values: no row to draw; materialize"):
        pictures.equity_curve(VALUES.clear())
    with pytest.raises(pictures.NothingToDrawError, match="validate some sessions first"):
        pictures.reliability_diagram(np.array([]), np.array([]))


def test_import_does_not_load_the_drawing_library():
    code = "import sys, nextgen_assets.pictures; print('matplotlib' in sys.modules, 'PIL' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_coverage_is_drawn_with_the_least_and_the_most_covered_of_many_tickers() -> None:
    groups = [("all", "all"), ("regime", "calm"), *(("ticker", f"T{number:03}") for number in range(60))]
    table = pl.DataFrame(
        [
            (scope, name, 500, 100, 0.86 + number / 1000, 0.8, 0.95)
            for number, (scope, name) in enumerate(groups)
        ],
        schema=COVERAGE_SCHEMA,
        orient="row",
    )
    picture = coverage_picture(table, 0.9)
    assert picture.png[:8] == b"\x89PNG\r\n\x1a\n"
    assert picture.png == coverage_picture(table, 0.9).png
    assert picture.png != coverage_picture(table.head(5), 0.9).png
    with pytest.raises(NothingToDrawError, match="coverage"):
        coverage_picture(table.head(0), 0.9)
