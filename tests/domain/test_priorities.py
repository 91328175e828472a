"""Scores by hand, tiers by threshold, unknowns kept apart from zeros."""

import json
from datetime import date

import polars as pl
import pytest

from nextgen_assets.domain.priorities import (
    PRIORITY_SCHEMA,
    PrioritySettings,
    prediction_skill,
    strategic_priorities,
    trailing_liquidity,
)
from nextgen_assets.domain.sessions import xnys

DAY, NEXT = date(2012, 6, 1), date(2012, 6, 4)
TICKERS = ["AAPL", "IBM", "MSFT"]


def _frame(name, values, day=DAY):
    return pl.DataFrame(
        {"ticker": TICKERS[: len(values)], "session_date": day, name: values},
        schema_overrides={"ticker": pl.String, "session_date": pl.Date, name: pl.Float64},
    )


def _priorities(sessions=(DAY,), **changes):
    inputs = {
        "members": _frame("x", [1, 1, 1]).select("ticker", "session_date"),
        "liquidity": _frame("median_dollar_volume_usd", [9e9, 5e9, 1e9]),
        "volatility": _frame("volatility", [0.03, 0.02, 0.01]),
        "news": _frame("article_count", [2]),
        "skill": _frame("brier_skill", [0.025, -0.10]),
    } | changes
    return strategic_priorities(**inputs, sessions=list(sessions), calendar=xnys(), delay_minutes=30)


def test_score_is_the_weighted_mean_worked_by_hand():
    row = _priorities().row(0, named=True)
    # liquidity and volatility rank 5/6, news 2 / (2 + 2) = 0.5, skill 0.5 + 0.5 * 0.025 / 0.05 = 0.75
    assert row["score"] == pytest.approx(0.35 * 5 / 6 + 0.2 * 5 / 6 + 0.15 * 0.5 + 0.3 * 0.75)
    assert row["tier"] == "core"
    assert row["rationale"] == "core at 0.76: high on liquidity, volatility, past predictions."
    assert row["as_of"] == xnys().cutoff(DAY, 30)


def test_unknown_skill_gives_its_weight_to_the_others():
    row = _priorities().filter(ticker="MSFT").row(0, named=True)
    assert row["score"] == pytest.approx((0.35 / 6 + 0.2 / 6) / 0.7)
    assert row["tier"] == "watch"
    assert json.loads(row["factors"])["factors"]["prediction_skill"] is None
    assert "nothing known of past predictions" in row["rationale"]


def test_skill_far_below_the_base_rate_counts_as_none():
    factors = json.loads(_priorities().filter(ticker="IBM")["factors"].item())["factors"]
    assert factors["prediction_skill"] == 0.0
    assert factors["news_attention"] == 0.0
    assert factors["liquidity"] == 0.5


def test_every_member_has_a_row_even_if_nothing_is_known_of_it():
    nothing = {
        "liquidity": _frame("median_dollar_volume_usd", []),
        "volatility": _frame("volatility", []),
        "news": _frame("article_count", []),
        "skill": _frame("brier_skill", []),
    }
    frame = _priorities(**nothing)
    assert frame["ticker"].to_list() == TICKERS
    assert frame["tier"].unique().to_list() == ["watch"]
    assert frame.columns == [*PRIORITY_SCHEMA, "as_of"]


def test_range_equals_session_by_session():
    def both(name, values):
        return pl.concat([_frame(name, values), _frame(name, values[::-1], NEXT)])

    inputs = {
        "members": both("x", [1, 1, 1]).select("ticker", "session_date"),
        "liquidity": both("median_dollar_volume_usd", [9e9, 5e9, 1e9]),
        "volatility": both("volatility", [0.03, 0.02, 0.01]),
    }
    whole = _priorities(sessions=(DAY, NEXT), **inputs)
    alone = pl.concat([_priorities(sessions=(day,), **inputs) for day in (DAY, NEXT)])
    assert whole.height == 6
    assert whole.equals(alone.sort("ticker", "session_date"))


def test_two_rows_of_an_input_for_one_ticker_and_session_are_refused():
    doubled = pl.concat([_frame("article_count", [2]), _frame("article_count", [3])])
    with pytest.raises(
        ValueError, match="article_count has 2 rows that share a ticker and a session, first AAPL"
    ):
        _priorities(news=doubled)


@pytest.mark.parametrize("changes", [{"liquidity_weight": -0.1}, {"core_score": 0.3}])
def test_settings_that_make_no_sense_are_refused(changes):
    with pytest.raises(ValueError, match=r"weights|core"):
        PrioritySettings(**changes)


def test_liquidity_is_the_trailing_median_and_null_before_it():
    days = xnys().between(date(2012, 6, 1), date(2012, 6, 8))[:4]
    bars = pl.DataFrame(
        {"ticker": "IBM", "session_date": days, "close": [10.0, 20.0, 10.0, 10.0], "volume": [1, 3, 2, 8]}
    )
    values = trailing_liquidity(bars.reverse(), window_sessions=3)["median_dollar_volume_usd"].to_list()
    assert values == [None, None, 20.0, 60.0]


def test_skill_is_one_less_the_ratio_of_scores_per_ticker():
    feedback = pl.DataFrame(
        {
            "session_date": [DAY] * 3, "scope": ["overall", "ticker:IBM", "ticker:IBM"],
            "metric": ["brier_score", "brier_score", "coverage"], "value": [0.2, 0.24, 0.9],
            "baseline_value": [0.25, 0.25, 0.9],
        }
    )  # fmt: skip
    skill = prediction_skill(feedback)
    assert skill.select("ticker", "session_date").rows() == [("IBM", DAY)]
    assert skill["brier_skill"].item() == pytest.approx(0.04)
