"""A chain of providers: who gave what, what nobody gave, and which chains make no sense."""

from contextlib import contextmanager
from datetime import date

import polars as pl
import pytest

from nextgen_resources import errors
from nextgen_resources.market_data import load_provider
from nextgen_resources.market_data.delivery import deliver_actions, deliver_bars
from tests.resources.http.loopback import Reply, VirtualTime, policy_in
from tests.resources.market_data.yahoo_server import Chart, FakeYahoo, bars_of, weekdays, yahoo_on

FIRST, LAST = date(2026, 2, 23), date(2026, 2, 27)
DAYS = weekdays(FIRST, 5)


def write_files(folder, *tickers, days=DAYS):
    folder.mkdir(exist_ok=True)
    for ticker in tickers:
        pl.DataFrame(
            {"date": days, "open": 50.0, "high": 51.0, "low": 49.0, "close": 50.0, "volume": 10,
             "dividend_amount": [0.0] * (len(days) - 1) + [0.25], "split_coefficient": 1.0}
        ).write_csv(folder / f"{ticker}.csv")  # fmt: skip


@pytest.fixture
def chain(tmp_path):
    """``chain(answer, *tickers of the files)``: Yahoo at a server here, then files."""

    @contextmanager
    def start(answer, *tickers, order=("yahoo", "files"), **settings):
        write_files(tmp_path / "bars", *tickers, **settings)
        with yahoo_on(tmp_path, answer, policy_in(VirtualTime(), requests_per_minute=60_000.0)) as (
            yahoo,
            server,
        ):
            provider = load_provider("chain", providers=list(order), files_path=tmp_path / "bars")
            provider.members[list(order).index("yahoo")] = yahoo
            yield provider, server

    return start


def sources(rows):
    return dict(rows.select("ticker", "source").unique().sort("ticker").rows())


def test_each_ticker_comes_from_the_first_provider_that_has_it(chain):
    fake = FakeYahoo({"ACME": Chart(bars_of(DAYS), dividends={DAYS[1]: 0.5})})
    with chain(fake, "ACME", "ELSE") as (provider, _):
        bars = deliver_bars(provider, ["ACME", "ELSE"], FIRST, LAST).rows
        assert sources(bars) == {"ACME": "yahoo", "ELSE": "files"}
        actions = deliver_actions(provider, ["ACME", "ELSE"], FIRST, LAST).rows
        assert actions.select("ticker", "ex_date", "cash_amount_usd", "source").rows() == [
            ("ACME", DAYS[1], 0.5, "yahoo"),
            ("ELSE", DAYS[4], 0.25, "files"),
        ]


def test_a_provider_that_is_down_is_passed_over_for_all(chain):
    with chain(lambda request: Reply("down", 503), "ACME", "ELSE") as (provider, server):
        delivery = deliver_bars(provider, ["ACME", "ELSE"], FIRST, LAST)
        assert sources(delivery.rows) == {"ACME": "files", "ELSE": "files"}
        assert delivery.refused == {}
        assert len(server.seen) == 5


def test_a_provider_without_a_bar_in_the_span_is_passed_over(chain):
    old = weekdays(date(2020, 1, 6), 5)
    fake = FakeYahoo({"ACME": Chart(bars_of(DAYS), dividends={DAYS[1]: 0.5})})
    with chain(fake, "ACME", order=("files", "yahoo"), days=old) as (provider, _):
        assert sources(deliver_bars(provider, ["ACME"], FIRST, LAST).rows) == {"ACME": "yahoo"}
        assert sources(deliver_bars(provider, ["ACME"], old[0], old[-1]).rows) == {"ACME": "files"}
        assert deliver_actions(provider, ["ACME"], FIRST, LAST).rows["cash_amount_usd"].to_list() == [0.5]


def test_actions_of_a_new_process_come_from_the_giver_of_the_bars_too(chain):
    old = weekdays(date(2020, 1, 6), 5)
    fake = FakeYahoo({"ACME": Chart(bars_of(DAYS), dividends={DAYS[1]: 0.5})})
    with chain(fake, "ACME", order=("files", "yahoo"), days=old) as (provider, _):
        assert sources(deliver_actions(provider, ["ACME"], FIRST, LAST).rows) == {"ACME": "yahoo"}


def test_what_nobody_has_is_told_with_every_reason_and_the_rest_comes(chain):
    with chain(FakeYahoo({"ACME": Chart(bars_of(DAYS))}), "ELSE") as (provider, _):
        delivery = deliver_bars(provider, ["ACME", "ELSE", "GONE"], FIRST, LAST)
        assert sources(delivery.rows) == {"ACME": "yahoo", "ELSE": "files"}
        assert str(delivery.refused["GONE"]).startswith("chain: nobody delivered GONE: yahoo: yahoo: GET")
        assert "files: files: no bars of GONE" in str(delivery.refused["GONE"])


def test_what_came_is_written_on_the_last_try_although_the_first_provider_is_down(chain):
    with chain(lambda request: Reply("down", 503), "ACME") as (provider, _):
        with pytest.raises(errors.ProviderUnavailableError, match="nobody delivered ELSE"):
            deliver_bars(provider, ["ACME", "ELSE"], FIRST, LAST, is_last_try=False)
        assert sources(deliver_bars(provider, ["ACME", "ELSE"], FIRST, LAST).rows) == {"ACME": "files"}


def test_a_ticker_that_is_known_and_quiet_everywhere_has_no_rows_and_is_not_refused(chain):
    old = weekdays(date(2020, 1, 6), 5)
    with chain(FakeYahoo({"ACME": Chart(bars_of(old))}), "ACME", days=old) as (provider, _):
        delivery = deliver_bars(provider, ["ACME"], FIRST, LAST)
        assert (delivery.rows.height, delivery.refused) == (0, {})


def test_it_offers_what_its_members_offer_together(chain):
    with chain(FakeYahoo(), "ACME") as (provider, _):
        assert provider.capabilities == {"daily", "actions", "universe", "intraday", "quotes"}
        assert provider.listings()["security_id"].to_list() == ["files:ACME"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"providers": ["yahoo"]}, "expected two or more"),
        ({"providers": ["yahoo", "yahoo"]}, "different names"),
        ({"providers": ["chain", "yahoo"]}, "different names"),
        ({"providers": ["yahoo", "acme"]}, "'acme' does not exist"),
        (
            {"providers": ["yahoo", "bokeh"], "files_path": "x"},
            "'files_path' belongs to none of yahoo, bokeh",
        ),
        ({"providers": ["yahoo", "bokeh"], "yahoo_tickrs": ["A"]}, "tickrs"),
        ({"providers": ["yahoo", "bokeh"], "http": 1}, "http is no option"),
    ],
)
def test_a_chain_that_makes_no_sense_is_refused(options, words):
    from nextgen_resources.plug_ins import load_plug_in

    with pytest.raises(errors.SettingsError, match=words):
        load_plug_in(
            "nextgen_resources.market_data",
            "Provider",
            "market data provider",
            "chain",
            options,
            {"http": None},
        )


def test_members_that_tell_of_actions_in_different_ways_are_refused(tmp_path):
    pl.DataFrame(
        {
            "date": DAYS,
            "open": 1.0,
            "high": 1.0,
            "low": 1.0,
            "close": 1.0,
            "volume": 1,
            "dividend_amount": 0.0,
        }
    ).write_csv(tmp_path / "ACME.csv")
    mixed = load_provider("chain", providers=["files", "bokeh"], files_path=tmp_path)
    with pytest.raises(
        errors.SettingsError, match="files, bokeh tell of splits and dividends in different ways"
    ):
        _ = mixed.capabilities
