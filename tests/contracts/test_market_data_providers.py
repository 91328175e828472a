"""One suite over every provider of daily bars: what each must offer, whatever its source."""

import re
import shutil
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta

import polars as pl
import pytest

from nextgen_assets.domain.corporate_actions import date_actions, recover_actions
from nextgen_assets.domain.quality import inspect_bars
from nextgen_assets.domain.sessions import xnys
from nextgen_resources.errors import SettingsError
from nextgen_resources.market_data import (
    ACTION_SCHEMA,
    LISTING_SCHEMA,
    TICKER_PATTERN,
    MarketDataProvider,
    load_provider,
    provider_names,
)
from nextgen_resources.market_data.capabilities import (
    CAPABILITIES,
    IntradayProvider,
    QuoteProvider,
    require,
)
from nextgen_resources.market_data.door import DELIVERED_SCHEMA, check_bars
from tests.resources.http.loopback import VirtualTime, policy_in
from tests.resources.market_data.tradingview_server import Market, opening, tradingview_on
from tests.resources.market_data.yahoo_server import Chart, FakeYahoo, yahoo_on

FIRST, LAST = date(2012, 11, 1), date(2013, 2, 28)
PROVIDERS = ["bokeh", "chain", "files_csv", "files_parquet", "recorded", "tradingview", "vintages", "yahoo"]
CALENDAR = xnys()


def embedded_bars():
    return load_provider("bokeh").daily_bars(["AAPL", "IBM"], FIRST, LAST)


def with_actions(bars):
    """The bars with explicit dividend and split columns, from the embedded adjusted close."""
    paid = recover_actions(bars, CALENDAR, "bokeh").select(
        "ticker",
        pl.col("ex_date").alias("session_date"),
        pl.col("cash_amount_usd").alias("dividend_amount"),
    )
    return bars.join(paid, on=["ticker", "session_date"], how="left").with_columns(
        pl.col("dividend_amount").fill_null(0.0), split_coefficient=pl.lit(1.0)
    )


def yahoo_charts(*tickers):
    """The embedded bars as Yahoo's charts would tell them, after no later split."""
    charts = {}
    for ticker in tickers:
        rows = with_actions(embedded_bars()).filter(pl.col("ticker") == ticker)
        names = ("session_date", "open", "high", "low", "close", "adjusted_close", "volume")
        paid = rows.filter(pl.col("dividend_amount") > 0)
        charts[ticker] = Chart(
            rows.with_columns(pl.col("volume").cast(pl.Int64)).select(names).rows(),
            dividends=dict(paid.select("session_date", "dividend_amount").rows()),
        )
    return charts


def csv_files(folder):
    for (ticker,), rows in with_actions(embedded_bars()).group_by("ticker"):
        rows.drop("ticker").write_csv(folder / f"{ticker}.csv")
    return folder


@contextmanager
def real_yahoo(folder, *tickers):
    with yahoo_on(folder, FakeYahoo(yahoo_charts(*tickers)), policy_in(VirtualTime()), tickers=tickers) as (
        provider,
        _,
    ):
        yield provider


@contextmanager
def real_tradingview(folder, *tickers):
    bars = {}
    for ticker in tickers:
        rows = embedded_bars().filter(pl.col("ticker") == ticker)
        rows = rows.select("session_date", "open", "high", "low", "close", "volume").rows()
        bars[f"NASDAQ:{ticker}"] = [(opening(day), *values) for day, *values in rows]
    with tradingview_on(Market(bars), policy_in(VirtualTime()), tickers=tickers) as (provider, _):
        yield provider


@contextmanager
def chain_of_both(folder):
    """Yahoo, which knows AAPL only, before files, which know both."""
    (folder / "csv").mkdir()
    with real_yahoo(folder, "AAPL") as yahoo:
        chain = load_provider("chain", providers=["yahoo", "files"], files_path=csv_files(folder / "csv"))
        chain.members[0] = yahoo
        yield chain


def replayed(folder):
    """What the files said, recorded and replayed without them."""
    (folder / "csv").mkdir()
    options = {"record": "files", "files_path": csv_files(folder / "csv")}
    recorder = load_provider("recorded", path=folder / "tape", **options)
    recorder.listings()
    recorder.daily_bars(["AAPL", "IBM"], FIRST, LAST)
    recorder.corporate_actions(["AAPL", "IBM"], FIRST, LAST)
    shutil.rmtree(folder / "csv")
    return load_provider("recorded", path=folder / "tape")


@pytest.fixture(scope="module", params=PROVIDERS)
def provider(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bars")
    with ExitStack() as stack:
        if request.param == "bokeh":
            yield load_provider("bokeh")
        elif request.param == "files_csv":
            yield load_provider("files", path=csv_files(folder))
        elif request.param == "files_parquet":
            embedded_bars().write_parquet(folder / "long.parquet")
            yield load_provider("files", path=folder)
        elif request.param == "chain":
            yield stack.enter_context(chain_of_both(folder))
        elif request.param == "vintages":
            embedded_bars().with_columns(vintage=pl.lit(LAST)).write_parquet(folder / "crawls.parquet")
            yield load_provider("vintages", path=folder, dividend_basis="ex_close")
        elif request.param == "recorded":
            yield replayed(folder)
        elif request.param == "tradingview":
            yield stack.enter_context(real_tradingview(folder, "AAPL", "IBM"))
        else:
            yield stack.enter_context(real_yahoo(folder, "AAPL", "IBM"))


def test_every_provider_stands_in_this_suite():
    assert {name.split("_")[0] for name in PROVIDERS} == set(provider_names())


def test_it_meets_the_protocol(provider):
    assert isinstance(provider, MarketDataProvider)
    assert provider.name in provider_names()
    assert "daily" in provider.capabilities
    assert provider.capabilities <= set(CAPABILITIES)
    assert provider.dividend_basis in {"ex_close", "previous_close"}


def test_it_offers_a_method_for_everything_that_it_declares(provider):
    offers = {"quotes": QuoteProvider, "intraday": IntradayProvider}
    for capability, protocol in offers.items():
        if capability in provider.capabilities:
            assert isinstance(provider, protocol)
        else:
            with pytest.raises(SettingsError, match=f"the test needs .*{provider.name!r} does not offer"):
                require(provider, capability, "the test")


def test_its_bars_are_published_before_the_default_cutoff(provider):
    assert 0 <= provider.delay_minutes <= 30


def test_listings_have_their_columns_and_no_holes(provider):
    listed = provider.listings()
    assert dict(listed.schema) == dict(LISTING_SCHEMA)
    assert listed.drop("last_session").null_count().sum_horizontal().item() == 0
    assert listed.equals(listed.sort("ticker", "first_session"))
    assert all(re.fullmatch(TICKER_PATTERN, ticker) for ticker in listed["ticker"])
    assert listed["security_id"].is_unique().all()
    assert {"AAPL", "IBM"} <= set(listed["ticker"])


def test_bars_pass_the_door_and_are_sorted(provider):
    bars = check_bars(provider.daily_bars(["IBM", "AAPL"], FIRST, LAST), provider.name)
    assert dict(bars.schema) == dict(DELIVERED_SCHEMA)
    own = {"chain": {"yahoo", "files"}, "recorded": {"files"}}
    assert set(bars["source"]) == own.get(provider.name, {provider.name})
    assert bars.equals(bars.sort("ticker", "session_date"))
    assert set(bars["ticker"]) == {"AAPL", "IBM"}


def test_bars_are_the_real_ones_as_traded(provider):
    day = date(2013, 2, 7)
    bars = check_bars(provider.daily_bars(["AAPL"], day, day))
    assert bars.select("open", "high", "low", "close", "volume").rows() == [
        (463.25, 470.0, 454.12, 468.22, 25_163_600.0)
    ]


def test_every_session_of_the_range_has_an_acceptable_bar(provider):
    bars = check_bars(provider.daily_bars(["AAPL", "IBM"], FIRST, LAST))
    inspected = inspect_bars(bars, CALENDAR)
    assert inspected.rejected.is_empty()
    sessions = CALENDAR.between(FIRST, LAST)
    for ticker in ("AAPL", "IBM"):
        kept = inspected.accepted.filter(pl.col("ticker") == ticker)
        assert kept["session_date"].to_list() == sessions


def test_a_range_is_the_sum_of_its_parts(provider):
    middle = date(2013, 1, 2)
    whole = check_bars(provider.daily_bars(["AAPL"], FIRST, LAST))
    before = check_bars(provider.daily_bars(["AAPL"], FIRST, middle))
    after = check_bars(provider.daily_bars(["AAPL"], middle + timedelta(days=1), LAST))
    assert pl.concat([before, after]).equals(whole)


def test_a_day_without_trading_has_no_bars(provider):
    assert check_bars(provider.daily_bars(["AAPL"], date(2012, 12, 25), date(2012, 12, 25))).is_empty()


def test_explicit_actions_exist_exactly_with_the_capability(provider):
    actions = provider.corporate_actions(["AAPL", "IBM"], FIRST, LAST)
    assert (actions is not None) == ("actions" in provider.capabilities)
    if actions is not None:
        assert dict(actions.drop("source", strict=False).schema) == dict(ACTION_SCHEMA)
        assert actions.equals(actions.sort("ticker", "ex_date", "kind"))


def test_explicit_or_recovered_the_dividends_are_the_real_ones(provider):
    if not {"actions", "adjusted_close"} & provider.capabilities:
        assert provider.name == "tradingview"  # the one that tells of none
        return
    actions = provider.corporate_actions(["AAPL", "IBM"], FIRST, LAST)
    if actions is None:
        bars = check_bars(provider.daily_bars(["AAPL", "IBM"], FIRST, LAST))
        known = recover_actions(bars, CALENDAR, provider.name, provider.dividend_basis)
    else:
        known = date_actions(actions, CALENDAR, provider.name)
    assert known.select("ticker", "ex_date", "kind", "cash_amount_usd").rows() == [
        ("AAPL", date(2012, 11, 7), "dividend", 2.65),
        ("AAPL", date(2013, 2, 7), "dividend", 2.65),
        ("IBM", date(2012, 11, 7), "dividend", 0.85),
        ("IBM", date(2013, 2, 6), "dividend", 0.85),
    ]
