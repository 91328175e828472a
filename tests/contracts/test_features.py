"""What every feature promises, checked on every feature that is found."""

from __future__ import annotations

import dataclasses
import math
import sys
from datetime import date
from functools import cache

import numpy as np
import polars as pl
import pytest
from bokeh_sampledata import stocks

from nextgen_assets.domain import features
from nextgen_assets.domain.features import (
    CORE,
    Feature,
    UnknownFeatureError,
    families,
    feature_set_id,
    known_features,
    select,
)
from nextgen_assets.domain.grid import Values
from nextgen_assets.domain.prices import Panel, build_panel
from nextgen_assets.domain.sessions import xnys
from nextgen_assets.domain.windows import feature_vectors
from tests.contracts.alpha158_oracles import ALPHA158
from tests.contracts.feature_oracles import ORACLES as CORE_ORACLES
from tests.contracts.feature_oracles import Bar, Day
from tests.contracts.market_oracles import CALENDAR, MARKET
from tests.contracts.synthetic_market import (
    HOLE_OFFSETS,
    TICKERS,
    Market,
    no_sentiment,
    sectors_frame,
    synthetic_market,
)
from tests.contracts.talib_oracles import CLASSIC, HAS_TALIB
from tests.contracts.timeframe_oracles import TIMEFRAME

ORACLES = {**CORE_ORACLES, **ALPHA158, **CLASSIC, **TIMEFRAME}
N_SESSIONS = 190
OFFSETS = [*(pytest.param(offset, marks=pytest.mark.slow) for offset in (5, 56, 100)), 41, 170]
STEPS = [11, pytest.param(3, marks=pytest.mark.slow)]
"""Every so many sessions; the close look is slow."""


def units() -> dict[str, tuple[Feature, ...]]:
    """Features as they are computed: each alone, those of one block together."""
    together: dict[str, list[Feature]] = {}
    for name, feature in known_features().items():
        together.setdefault(feature.family if feature.block else name, []).append(feature)
    return {name: tuple(members) for name, members in together.items()}


OF_MARKET = {name for name, feature in known_features().items() if feature.scope == "market"}
OF_TICKER = {name: unit for name, unit in units().items() if name not in OF_MARKET}
EACH_TICKER_UNIT = pytest.mark.parametrize("unit", OF_TICKER.values(), ids=OF_TICKER.keys())
EACH_MARKET_FEATURE = pytest.mark.parametrize("name", sorted(OF_MARKET))
EACH_UNIT = pytest.mark.parametrize("unit", units().values(), ids=units().keys())


def needs_oracle(unit: tuple[Feature, ...]) -> None:
    if unit[0].family == "classic" and not HAS_TALIB:
        pytest.skip("TA-Lib is not installed: pip install ta-lib, or the extra dev")


def values_of(unit: tuple[Feature, ...], panel: Panel) -> Values:
    """(n_sessions, n_tickers, n_features), as the features of a unit are computed."""
    if unit[0].block is None:
        return unit[0].compute(panel)[:, :, np.newaxis]
    values = np.empty((len(panel.sessions), len(panel.tickers), len(unit)))
    unit[0].block.fill(panel, [feature.name for feature in unit], range(len(unit)), values, 0)
    return values


def assert_same_bits(unit: tuple[Feature, ...], found: Values, expected: Values) -> None:
    if np.ascontiguousarray(found).tobytes() != np.ascontiguousarray(expected).tobytes():
        other = [
            feature.name
            for number, feature in enumerate(unit)
            if found[..., number].tobytes() != expected[..., number].tobytes()
        ]
        pytest.fail(f"other bits in {other}")


@cache
def the_market(seed: int = 7) -> Market:
    return synthetic_market(seed, n_sessions=N_SESSIONS)


@cache
def the_panel() -> Panel:
    return the_market().panel()


@cache
def part(first: int, stop: int) -> Panel:
    """The panel built of these sessions alone."""
    return the_market().panel(the_market().sessions[first:stop])


@cache
def cut_at(offset: int) -> tuple[Panel, Panel]:
    """Without the rows after a session, and without the sessions after it."""
    return the_market().through(the_market().sessions[offset]).panel(), part(0, offset + 1)


@cache
def scrambled_after(offset: int) -> Panel:
    """Another future: other prices and news, no actions, everybody in one sector; rows in disorder."""
    market, other = the_market(), the_market(8)
    past = market.through(market.sessions[offset])
    future, tomorrow = pl.col("session_date") > market.sessions[offset], market.sessions[offset + 1]
    ended = past.sectors.with_columns(stop_session=pl.col("stop_session").fill_null(tomorrow))
    mixed = dataclasses.replace(
        past,
        bars=pl.concat([past.bars, other.bars.filter(future)]).sample(fraction=1.0, shuffle=True, seed=1),
        sentiment=pl.concat([past.sentiment, other.sentiment.filter(future)]),
        sectors=pl.concat([ended, sectors_frame([(ticker, tomorrow, None, "One") for ticker in TICKERS])]),
    )
    return mixed.panel()


@cache
def without_wave(row: int) -> Panel:
    return the_market().without_bar("WAVE", the_market().sessions[row]).panel()


@pytest.fixture(scope="module")
def market() -> Market:
    return the_market()


@pytest.fixture(scope="module")
def panel() -> Panel:
    return the_panel()


@EACH_UNIT
def test_feature_states_what_it_is(unit: tuple[Feature, ...], panel: Panel) -> None:
    for feature in unit:
        assert feature.name.isidentifier()
        assert feature.description.endswith("."), feature.name
        assert feature.reference, feature.name
        assert set(feature.inputs) <= set(panel.fields), feature.name
        assert 0 <= feature.lookback_sessions <= 99, feature.name


@EACH_UNIT
def test_feature_reads_only_its_declared_inputs(unit: tuple[Feature, ...], panel: Panel) -> None:
    blank, together = np.full(panel.has_bar.shape, np.nan), values_of(unit, panel)
    for number, feature in enumerate(unit):
        fields = {name: panel.fields[name] if name in feature.inputs else blank for name in panel.fields}
        alone = feature.compute(Panel(panel.sessions, panel.tickers, fields))
        assert alone.tobytes() == together[:, :, number].tobytes(), feature.name


@EACH_UNIT
def test_a_feature_alone_gives_the_bits_that_it_has_in_its_block(
    unit: tuple[Feature, ...], panel: Panel
) -> None:
    together = values_of(unit, panel)
    for number in range(0, len(unit), 7):
        assert unit[number].compute(panel).tobytes() == together[:, :, number].tobytes(), unit[number].name


@EACH_UNIT
@pytest.mark.parametrize("offset", OFFSETS)
def test_deleting_the_future_changes_no_bit(unit: tuple[Feature, ...], panel: Panel, offset: int) -> None:
    whole = values_of(unit, panel)[: offset + 1]
    cut_rows, cut_sessions = cut_at(offset)
    assert_same_bits(unit, values_of(unit, cut_rows)[: offset + 1], whole)
    assert_same_bits(unit, values_of(unit, cut_sessions), whole)


@EACH_UNIT
@pytest.mark.parametrize("offset", OFFSETS)
def test_scrambling_the_future_changes_no_bit(unit: tuple[Feature, ...], panel: Panel, offset: int) -> None:
    scrambled, original = values_of(unit, scrambled_after(offset)), values_of(unit, panel)
    assert_same_bits(unit, scrambled[: offset + 1], original[: offset + 1])
    for number, feature in enumerate(unit):
        later = slice(max(offset, feature.lookback_sessions) + 1, None)
        same = np.array_equal(scrambled[later, :, number], original[later, :, number], equal_nan=True)
        assert same == (feature.null_policy == "never_null") or not original[later].size


@EACH_UNIT
@pytest.mark.parametrize("step", STEPS)
def test_a_pass_that_starts_at_the_declared_lookback_gives_the_same_bits(
    unit: tuple[Feature, ...], panel: Panel, step: int
) -> None:
    whole = values_of(unit, panel)
    for lookback in {feature.lookback_sessions for feature in unit}:
        alike = [number for number, feature in enumerate(unit) if feature.lookback_sessions == lookback]
        for row in range(lookback + 1, N_SESSIONS, step):
            short = values_of(unit, part(row - lookback - 1, row + 1))
            assert short[-1][:, alike].tobytes() == whole[row][:, alike].tobytes()


@EACH_UNIT
def test_one_row_less_than_the_declared_lookback_gives_null(unit: tuple[Feature, ...]) -> None:
    for lookback in {feature.lookback_sessions for feature in unit} - {0}:
        alike = [number for number, feature in enumerate(unit) if feature.lookback_sessions == lookback]
        short = values_of(unit, part(130 - lookback, 130))
        enough = values_of(unit, part(128 - lookback, 130))
        assert np.isnan(short[-1][:, alike]).all()
        assert np.isfinite(enough[-1][0, alike]).all()


@EACH_UNIT
def test_order_of_tickers_changes_no_bit(unit: tuple[Feature, ...], market: Market, panel: Panel) -> None:
    turned = values_of(unit, market.panel(tickers=TICKERS[::-1]))
    assert_same_bits(unit, turned[:, ::-1], values_of(unit, panel))


@EACH_TICKER_UNIT
def test_company_of_tickers_changes_no_bit(unit: tuple[Feature, ...], market: Market, panel: Panel) -> None:
    whole = values_of(unit, panel)
    for column, ticker in enumerate(TICKERS):
        alone = values_of(unit, market.panel(tickers=(ticker,)))
        assert_same_bits(unit, alone[:, 0], whole[:, column])


@EACH_MARKET_FEATURE
def test_tickers_that_do_not_trade_change_no_bit_of_a_market_feature(
    name: str, market: Market, panel: Panel
) -> None:
    compute = known_features()[name].compute
    wide = compute(market.panel(tickers=("ABSENT", *TICKERS, "GONE")))
    assert wide[:, 1:-1].tobytes() == compute(panel).tobytes()
    assert np.isnan(wide[:, [0, -1]]).all()


@EACH_MARKET_FEATURE
def test_market_feature_agrees_with_its_oracle(name: str, market: Market, panel: Panel) -> None:
    values, n_known = known_features()[name].compute(panel), 0
    days = [_days(market, ticker) for ticker in TICKERS]
    for row in range(0, N_SESSIONS, 17 if name == "market_beta_60" else 5):
        until = [own[: row + 1] for own in days]
        for column in range(len(TICKERS)):
            expected, found = MARKET[name](until, column), float(values[row, column])
            if expected is None:
                assert math.isnan(found), (row, column)
            else:
                n_known += 1
                assert found == pytest.approx(expected, rel=1e-9, abs=1e-9), (row, column)
    assert n_known > 20


@pytest.mark.parametrize("name", sorted(CALENDAR))
def test_calendar_feature_agrees_with_its_oracle_over_years(name: str) -> None:
    sessions = tuple(xnys().between(date(2011, 10, 3), date(2013, 12, 31)))
    blank = {"high_ratio": np.zeros((len(sessions), 1))}
    values = known_features()[name].compute(Panel(sessions, ("A",), blank))[:, 0]
    assert values == pytest.approx([float(CALENDAR[name](session)) for session in sessions], rel=1e-12)
    assert len(set(values.tolist())) > 1


ORACLE_UNITS = {name: unit for name, unit in OF_TICKER.items() if name not in CALENDAR}


@pytest.mark.parametrize("unit", ORACLE_UNITS.values(), ids=ORACLE_UNITS.keys())
def test_plain_oracle_agrees_everywhere(unit: tuple[Feature, ...], market: Market, panel: Panel) -> None:
    needs_oracle(unit)
    values, n_known = values_of(unit, panel), np.zeros(len(unit), dtype=int)
    rows = range(0, N_SESSIONS, 2 if len(unit) == 1 else 17)
    for column, ticker in enumerate(TICKERS):
        days = _days(market, ticker)
        for row in rows:
            for number, feature in enumerate(unit):
                expected = ORACLES[feature.name](days[: row + 1])
                found = float(values[row, column, number])
                where = f"{feature.name} {ticker} {market.sessions[row]}: {found}, expected {expected}"
                if expected is None:
                    assert math.isnan(found), where
                else:
                    n_known[number] += 1
                    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9), where
    assert n_known.min() > len(rows)


@EACH_TICKER_UNIT
def test_more_tickers_than_one_group_holds_change_no_bit(
    unit: tuple[Feature, ...], market: Market, panel: Panel
) -> None:
    copies = 9
    wide = {name: np.tile(values, copies) for name, values in panel.fields.items()}
    names = tuple(f"{ticker}{copy}" for copy in range(copies) for ticker in TICKERS)
    values, narrow = values_of(unit, Panel(panel.sessions, names, wide)), values_of(unit, panel)
    for copy in range(copies):
        assert_same_bits(unit, values[:, copy * len(TICKERS) : (copy + 1) * len(TICKERS)], narrow)


@EACH_UNIT
@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.slow)])
def test_stated_null_policy_holds_around_a_hole(unit: tuple[Feature, ...], panel: Panel, step: int) -> None:
    row = 175
    clean = values_of(unit, panel)
    assert np.isfinite(clean[row]).all()
    lookbacks = {feature.lookback_sessions for feature in unit}
    for back in sorted({*range(0, max(lookbacks) + 1, step), *lookbacks}):
        values = values_of(unit, without_wave(row - back))
        for number, feature in enumerate(unit):
            if feature.null_policy != "null_if_any_missing":
                assert np.isfinite(values[..., number]).all()
            elif back <= feature.lookback_sessions:
                assert np.isnan(values[row, 0, number]), f"{feature.name}: hole {back} sessions back"
        if unit[0].scope == "ticker":
            assert_same_bits(unit, values[:, 1:], clean[:, 1:])


@EACH_UNIT
def test_zero_stands_only_where_the_policy_says_so(
    unit: tuple[Feature, ...], market: Market, panel: Panel
) -> None:
    quiet = dataclasses.replace(market, sentiment=no_sentiment())
    values, told = values_of(unit, quiet.panel()), values_of(unit, panel)
    for number, feature in enumerate(unit):
        if feature.null_policy == "zero_if_absent":
            assert (values[..., number] == 0).all()
        else:
            assert values[..., number].tobytes() == told[..., number].tobytes()
            holes = np.isnan(values[list(HOLE_OFFSETS), 1, number])
            assert (~holes if feature.null_policy == "never_null" else holes).all()


@pytest.mark.parametrize(
    "names",
    [["core", "alpha158"], pytest.param([], marks=pytest.mark.slow)],
    ids=["core and alpha158", "every feature"],
)
def test_one_session_alone_equals_the_full_rebuild_in_float32(market: Market, names: list[str]) -> None:
    chosen = select(names or list(known_features()))
    longest = max(feature.lookback_sessions for feature in chosen)
    whole = feature_vectors(market.panel(), chosen)
    for offset in (105, 140, 189):
        short = part(offset - longest - 1, offset + 1)
        alone = feature_vectors(short, chosen, first=longest + 1)
        assert alone.dtype == np.float32
        assert len(alone) == 1
        assert alone[-1].tobytes() == whole[offset].tobytes()


def test_split_leaves_no_fall_in_any_feature(market: Market) -> None:
    row, column = market.sessions.index(market.actions["ex_date"][0]), TICKERS.index("SPLIT")
    for name in ("return_1", "return_5", "return_20", "overnight_gap", "distance_high_20"):
        assert abs(known_features()[name].compute(market.panel())[row, column]) < 0.5 < math.log(3)


def test_features_of_real_prices_agree_with_their_oracles() -> None:
    sessions = tuple(xnys().between(date(2005, 1, 3), date(2005, 6, 30)))
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
    for unit in ORACLE_UNITS.values():
        if unit[0].family == "classic" and not HAS_TALIB:
            continue
        values = values_of(unit, panel)[:, 0]
        for number, feature in enumerate(unit):
            for row in range(
                max(25, feature.lookback_sessions + 1), len(sessions), 1 if len(unit) == 1 else 4
            ):
                expected = ORACLES[feature.name](days[: row + 1])
                assert values[row, number] == pytest.approx(expected, rel=1e-9, abs=1e-9), feature.name


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
    assert {*ORACLES, *MARKET, *CALENDAR} == set(known_features()) or not HAS_TALIB
    assert set(MARKET) == OF_MARKET


def test_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        UnknownFeatureError,
        match=r"\['retrun_5'\]; spelt alike are \['return_5'.*families are alpha158, .*core",
    ):
        select(["return_1", "retrun_5"])


@pytest.mark.parametrize("names", [[], ["return_1", "return_1"]])
def test_no_name_or_the_same_twice_is_refused(names: list[str]) -> None:
    with pytest.raises(ValueError, match="expected each feature once"):
        select(names)


def test_a_family_stands_for_its_features() -> None:
    assert tuple(feature.name for feature in select(["core"])) == CORE == tuple(sorted(CORE))
    chosen = [feature.name for feature in select(["return_1", "alpha158"])]
    assert chosen == ["return_1", *families()["alpha158"]]
    assert len(chosen) == 159
    with pytest.raises(ValueError, match="each feature once"):
        select(["alpha158", "alpha_kmid"])


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
                ("scope", "market"),
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
    spans = list(market.sectors.filter(pl.col("ticker") == ticker).iter_rows(named=True))
    days = []
    for session in market.sessions:
        bar, told, act = bars.get(session), news.get(session), actions.get(session, {})
        days.append(
            Day(
                session=session,
                bar=bar and Bar(bar["open"], bar["high"], bar["low"], bar["close"], bar["volume"]),
                split_ratio=act.get("split_ratio") or 1.0,
                cash=act.get("cash_amount_usd") or 0.0,
                sentiment=told and told["decayed_sentiment"],
                article_count=told["article_count"] if told else 0,
                sector=next(
                    (
                        span["sector"]
                        for span in spans
                        if span["first_session"] <= session < (span["stop_session"] or date.max)
                    ),
                    None,
                ),
            )
        )
    return days
