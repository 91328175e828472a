"""What every feature promises, checked on every feature that is found."""

from __future__ import annotations

import dataclasses
import math
import sys
from datetime import date

import numpy as np
import polars as pl
import pytest
from bokeh_sampledata import stocks

from nextgen_assets.domain import features
from nextgen_assets.domain.features import (
    Feature,
    UnknownFeatureError,
    feature_set_id,
    known_features,
    select,
)
from nextgen_assets.domain.prices import Panel, build_panel
from nextgen_assets.domain.sessions import xnys
from nextgen_assets.domain.windows import feature_vectors
from tests.contracts.feature_oracles import ORACLES, Bar, Day
from tests.contracts.synthetic_market import HOLE_OFFSETS, TICKERS, Market, no_sentiment, synthetic_market

EACH_FEATURE = pytest.mark.parametrize("feature", known_features().values(), ids=known_features().keys())


@pytest.fixture(scope="module")
def market() -> Market:
    return synthetic_market()


@pytest.fixture(scope="module")
def panel(market: Market) -> Panel:
    return market.panel()


@EACH_FEATURE
def test_feature_states_what_it_is(feature: Feature, panel: Panel) -> None:
    assert feature.name.isidentifier()
    assert feature.description.endswith(".")
    assert feature.reference
    assert set(feature.inputs) <= set(panel.fields)
    assert 0 <= feature.lookback_sessions <= 60


@EACH_FEATURE
def test_feature_reads_only_its_declared_inputs(feature: Feature, panel: Panel) -> None:
    blank = np.full((len(panel.sessions), len(panel.tickers)), np.nan)
    fields = {name: panel.fields[name] if name in feature.inputs else blank for name in panel.fields}
    alone = feature.compute(Panel(panel.sessions, panel.tickers, fields))
    assert alone.tobytes() == feature.compute(panel).tobytes()


@EACH_FEATURE
@pytest.mark.parametrize("offset", [5, 41, 56, 80])
def test_deleting_the_future_changes_no_bit(feature: Feature, market: Market, offset: int) -> None:
    whole = feature.compute(market.panel())[: offset + 1]
    cut_rows = feature.compute(market.through(market.sessions[offset]).panel())[: offset + 1]
    cut_sessions = feature.compute(market.panel(market.sessions[: offset + 1]))
    assert cut_rows.tobytes() == whole.tobytes()
    assert cut_sessions.tobytes() == whole.tobytes()


@EACH_FEATURE
@pytest.mark.parametrize("offset", [5, 41, 56, 80])
def test_scrambling_the_future_changes_no_bit(feature: Feature, market: Market, offset: int) -> None:
    session, other = market.sessions[offset], synthetic_market(seed=8)
    past, future = pl.col("session_date") <= session, pl.col("session_date") > session
    mixed = Market(
        market.sessions,
        pl.concat([market.bars.filter(past), other.bars.filter(future)]).sample(
            fraction=1.0, shuffle=True, seed=1
        ),
        market.actions.filter(pl.col("ex_date") <= session),
        pl.concat([market.sentiment.filter(past), other.sentiment.filter(future)]),
        market.articles,
    )
    scrambled, original = feature.compute(mixed.panel()), feature.compute(market.panel())
    assert scrambled[: offset + 1].tobytes() == original[: offset + 1].tobytes()
    assert not np.array_equal(scrambled[offset + 1 :], original[offset + 1 :], equal_nan=True)


@EACH_FEATURE
def test_a_pass_that_starts_at_the_declared_lookback_gives_the_same_bits(
    feature: Feature, market: Market
) -> None:
    whole = feature.compute(market.panel())
    for row in range(feature.lookback_sessions + 1, len(market.sessions), 4):
        start = row - feature.lookback_sessions - 1
        short = feature.compute(market.panel(market.sessions[start : row + 1]))
        assert short[-1].tobytes() == whole[row].tobytes()


@pytest.mark.parametrize(
    "feature",
    [feature for feature in known_features().values() if feature.lookback_sessions],
    ids=lambda f: f.name,
)
def test_one_row_less_than_the_declared_lookback_gives_null(feature: Feature, market: Market) -> None:
    short = feature.compute(market.panel(market.sessions[51 - feature.lookback_sessions : 51]))
    assert np.isnan(short[-1]).all()


@EACH_FEATURE
def test_order_and_company_of_tickers_change_no_bit(feature: Feature, market: Market) -> None:
    whole = feature.compute(market.panel())
    turned = feature.compute(market.panel(tickers=TICKERS[::-1]))
    assert np.ascontiguousarray(turned[:, ::-1]).tobytes() == whole.tobytes()
    for column, ticker in enumerate(TICKERS):
        alone = feature.compute(market.panel(tickers=(ticker,)))
        assert alone[:, 0].tobytes() == whole[:, column].tobytes()


@EACH_FEATURE
def test_plain_oracle_agrees_everywhere(feature: Feature, market: Market) -> None:
    values = feature.compute(market.panel())
    n_known = 0
    for column, ticker in enumerate(TICKERS):
        days = _days(market, ticker)
        for row in range(len(days)):
            expected, found = ORACLES[feature.name](days[: row + 1]), float(values[row, column])
            where = f"{feature.name} {ticker} {market.sessions[row]}: {found}, expected {expected}"
            if expected is None:
                assert math.isnan(found), where
            else:
                n_known += 1
                assert found == pytest.approx(expected, rel=1e-9, abs=1e-9), where
    assert n_known > 150


@EACH_FEATURE
def test_stated_null_policy_holds_around_a_hole(feature: Feature, market: Market) -> None:
    row = 85
    clean = feature.compute(market.panel())
    assert np.isfinite(clean[row]).all()
    for back in range(feature.lookback_sessions + 1):
        holed = market.without_bar("WAVE", market.sessions[row - back]).panel()
        values = feature.compute(holed)
        if feature.null_policy == "null_if_any_missing":
            assert np.isnan(values[row, 0]), f"hole {back} sessions back"
        else:
            assert np.isfinite(values).all()
        assert values[:, 1:].tobytes() == clean[:, 1:].tobytes()


@EACH_FEATURE
def test_zero_stands_only_where_the_policy_says_so(feature: Feature, market: Market) -> None:
    quiet = Market(market.sessions, market.bars, market.actions, no_sentiment(), market.articles)
    values = feature.compute(quiet.panel())
    if feature.null_policy == "zero_if_absent":
        assert (values == 0).all()
    else:
        assert values.tobytes() == feature.compute(market.panel()).tobytes()
        assert np.isnan(values[list(HOLE_OFFSETS), 1]).all()


@pytest.mark.parametrize("offset", [30, 60, 89])
def test_one_session_alone_equals_the_full_rebuild_in_float32(market: Market, offset: int) -> None:
    chosen = tuple(known_features().values())
    longest = max(feature.lookback_sessions for feature in chosen)
    whole = feature_vectors(market.panel(), chosen)
    alone = feature_vectors(market.panel(market.sessions[offset - longest - 1 : offset + 1]), chosen)
    assert alone.dtype == np.float32
    assert alone[-1].tobytes() == whole[offset].tobytes()


def test_split_leaves_no_fall_in_any_feature(market: Market) -> None:
    row, column = market.sessions.index(market.actions["ex_date"][0]), TICKERS.index("SPLIT")
    for name in ("return_1", "return_5", "return_20", "overnight_gap", "distance_high_20"):
        assert abs(known_features()[name].compute(market.panel())[row, column]) < 0.5 < math.log(3)


def test_features_of_real_prices_agree_with_their_oracles() -> None:
    sessions = tuple(xnys().between(date(2005, 1, 3), date(2005, 4, 29)))
    raw = stocks.AAPL
    bars = (
        pl.DataFrame({key: raw[key] for key in ("date", "open", "high", "low", "close", "volume")})
        .with_columns(ticker=pl.lit("AAPL"), session_date=pl.col("date").str.to_date())
        .filter(pl.col("session_date").is_between(sessions[0], sessions[-1]))
    )
    split = pl.DataFrame(
        {
            "ticker": ["AAPL"],
            "ex_date": [date(2005, 2, 28)],
            "split_ratio": [2.0],
            "cash_amount_usd": [None],
        },
        schema_overrides={"cash_amount_usd": pl.Float64},
    )
    panel = build_panel(bars, split, no_sentiment(), sessions, ("AAPL",))
    market = Market(sessions, bars, split, no_sentiment(), no_sentiment())
    days = _days(market, "AAPL")
    for name, feature in known_features().items():
        values = feature.compute(panel)[:, 0]
        for row in range(25, len(sessions)):
            assert values[row] == pytest.approx(ORACLES[name](days[: row + 1]), rel=1e-9, abs=1e-9)


def test_rsi_with_only_gains_is_100_and_without_movement_50(market: Market) -> None:
    sessions = market.sessions[:20]
    rising = market.bars.filter(
        pl.col("ticker").is_in(["WAVE", "FLAT"]), pl.col("session_date") <= sessions[-1]
    )
    step = pl.col("session_date").rank("ordinal").over("ticker").cast(pl.Float64)
    price = pl.when(pl.col("ticker") == "WAVE").then(10.0 + step).otherwise(10.0)
    rising = rising.with_columns(price.alias(name) for name in ("open", "high", "low", "close"))
    panel = build_panel(rising, market.actions, no_sentiment(), sessions, ("WAVE", "FLAT"))
    assert known_features()["rsi_14"].compute(panel)[-1].tolist() == [100.0, 50.0]


def test_every_feature_has_an_oracle() -> None:
    assert set(ORACLES) == set(known_features())


def test_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        UnknownFeatureError, match=r"\['retrun_5'\]; known are close_location, .*volatility_20"
    ):
        select(["return_1", "retrun_5"])


@pytest.mark.parametrize("names", [[], ["return_1", "return_1"]])
def test_no_name_or_the_same_twice_is_refused(names: list[str]) -> None:
    with pytest.raises(ValueError, match="expected each feature once"):
        select(names)


def test_selection_keeps_the_order_asked_for() -> None:
    assert [feature.name for feature in select(["sentiment", "return_1"])] == ["sentiment", "return_1"]


def test_id_changes_with_what_defines_the_values_and_with_nothing_else() -> None:
    chosen = select(["return_5", "rsi_14"])
    base = feature_set_id(chosen, 20)
    assert len(base) == 32
    assert feature_set_id(select(["return_5", "rsi_14"]), 20) == base
    reworded = (dataclasses.replace(chosen[0], description="Another wording."), chosen[1])
    assert feature_set_id(reworded, 20) == base
    changed = [
        feature_set_id(chosen, 21),
        feature_set_id(chosen[::-1], 20),
        feature_set_id(chosen[:1], 20),
        *(
            feature_set_id((dataclasses.replace(chosen[0], **{field: value}), chosen[1]), 20)
            for field, value in (
                ("version", 2),
                ("lookback_sessions", 9),
                ("null_policy", "zero_if_absent"),
                ("name", "return_6"),
                ("inputs", ("open_gap",)),
            )
        ),
    ]
    assert len({base, *changed}) == len(changed) + 1


@pytest.mark.parametrize(
    ("source", "error"),
    [
        (
            "from nextgen_assets.domain.features.rsi import FEATURE as OLD\n"
            "import dataclasses\nFEATURE = dataclasses.replace(OLD, name='rsi_again')\n",
            None,
        ),
        ("NOTHING = 1\n", "exports no Feature"),
        ("from nextgen_assets.domain.features.rsi import FEATURE\n", "declares rsi_14 again"),
    ],
    ids=["one file adds a feature", "no feature", "same name twice"],
)
def test_a_new_module_is_found_or_refused(
    tmp_path, monkeypatch: pytest.MonkeyPatch, source: str, error: str | None
) -> None:
    (tmp_path / "zz_new.py").write_text(source)
    monkeypatch.setattr(features, "__path__", [*features.__path__, str(tmp_path)])
    known_features.cache_clear()
    try:
        if error is None:
            assert "rsi_again" in known_features()
        else:
            with pytest.raises(TypeError, match=error):
                known_features()
    finally:
        sys.modules.pop(f"{features.__name__}.zz_new", None)
        known_features.cache_clear()


def _days(market: Market, ticker: str) -> list[Day]:
    """The raw rows of one ticker, session by session, read with plain Python."""
    bars = {row["session_date"]: row for row in market.bars.iter_rows(named=True) if row["ticker"] == ticker}
    news = {
        row["session_date"]: row for row in market.sentiment.iter_rows(named=True) if row["ticker"] == ticker
    }
    actions = {row["ex_date"]: row for row in market.actions.iter_rows(named=True) if row["ticker"] == ticker}
    days = []
    for session in market.sessions:
        bar, told, act = bars.get(session), news.get(session), actions.get(session, {})
        days.append(
            Day(
                bar=bar and Bar(bar["open"], bar["high"], bar["low"], bar["close"], bar["volume"]),
                split_ratio=act.get("split_ratio") or 1.0,
                cash=act.get("cash_amount_usd") or 0.0,
                sentiment=told and told["decayed_sentiment"],
                article_count=told["article_count"] if told else 0,
            )
        )
    return days
