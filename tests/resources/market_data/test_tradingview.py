"""TradingView's frames, heartbeats, sessions and reconnects, with a real websocket to a server on this machine."""

import json
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextgen_resources import errors
from nextgen_resources.market_data.tradingview_frames import (
    bars_of,
    command,
    document_of,
    is_heartbeat,
    pack,
    unpack,
)
from tests.resources.http.loopback import Reply, VirtualTime, policy_in
from tests.resources.market_data.tradingview_server import Market, opening, tradingview_on
from tests.resources.market_data.yahoo_server import weekdays

SHARED = Path(__file__).parents[4] / "shared" / "data" / "api_payloads" / "tradingview"
needs_recordings = pytest.mark.skipif(not SHARED.is_dir(), reason=f"recorded frames are not at {SHARED}")
DAYS = weekdays(date(2026, 1, 5), 40)
FIRST, LAST = DAYS[10], DAYS[-1]
BARS = [(opening(day), 10.0 + n, 11.0 + n, 9.0 + n, 10.5 + n, 1000.0 + n) for n, day in enumerate(DAYS)]


@pytest.fixture
def asked():
    with ExitStack() as stack:

        def start(market, http=None, **options):
            http = http or policy_in(VirtualTime(), requests_per_minute=60_000.0)
            return stack.enter_context(tradingview_on(market, http, **options))

        yield start


def test_daily_bars_come_over_the_websocket_and_the_heartbeat_is_answered(asked):
    market = Market({"NASDAQ:ACME": BARS})
    provider, screener = asked(market)
    bars = provider.daily_bars(["ACME"], FIRST, LAST)
    assert bars["session_date"].to_list() == DAYS[10:]
    assert bars.row(0) == ("ACME", FIRST, 20.0, 21.0, 19.0, 20.5, 1010.0, None)
    assert market.heartbeats == ["~h~1"]
    assert market.origins == ["https://www.tradingview.com"]
    assert [name for name, _ in market.commands[:5]] == [
        "set_auth_token", "chart_create_session", "switch_timezone", "resolve_symbol", "create_series",
    ]  # fmt: skip
    wanted = json.loads(market.commands[3][1][2].removeprefix("="))
    assert wanted == {"adjustment": "none", "session": "regular", "symbol": "NASDAQ:ACME"}
    assert len(screener.seen) == 1


def test_one_connection_serves_many_tickers(asked):
    market = Market({"NASDAQ:ACME": BARS, "NYSE:ELSE": BARS})
    provider, screener = asked(market)
    assert set(provider.daily_bars(["ACME", "ELSE"], FIRST, LAST)["ticker"]) == {"ACME", "ELSE"}
    assert (market.connections, len(screener.seen)) == (1, 1)


def test_a_new_session_asks_for_few_bars(asked):
    market = Market({"NASDAQ:ACME": BARS})
    provider, _ = asked(market)
    assert provider.daily_bars(["ACME"], LAST, LAST).height == 1
    (count,) = [parameters[5] for name, parameters in market.commands if name == "create_series"]
    assert count <= 20


def test_more_is_asked_for_until_the_first_day_is_there(asked):
    market = Market({"NASDAQ:ACME": BARS}, page=7)
    provider, _ = asked(market)
    assert provider.daily_bars(["ACME"], FIRST, LAST)["session_date"].to_list() == DAYS[10:]
    assert len([name for name, _ in market.commands if name == "request_more_data"]) >= 4


@pytest.mark.parametrize("drops", [[1], [3], [2, 1]])
def test_a_dropped_connection_leaves_no_gap(asked, drops):
    market = Market({"NASDAQ:ACME": BARS}, page=7, drop_after=drops)
    http = policy_in(VirtualTime(), requests_per_minute=60_000.0)
    provider, _ = asked(market, http)
    assert provider.daily_bars(["ACME"], FIRST, LAST)["session_date"].to_list() == DAYS[10:]
    assert market.connections == len(drops) + 1
    rows = http.journal.pending().filter(endpoint="WS 127.0.0.1/chart")
    assert rows.select("outcome", "retries").rows() == [("ok", len(drops))]


def test_a_connection_that_always_drops_is_an_error_and_no_short_series(asked):
    market = Market({"NASDAQ:ACME": BARS}, page=7, drop_after=[1] * 20)
    provider, _ = asked(market)
    with pytest.raises(errors.ProviderUnavailableError, match="the connection was dropped"):
        provider.daily_bars(["ACME"], FIRST, LAST)
    assert market.connections == 3


def test_a_server_that_says_nothing_is_given_up_in_time(asked):
    market = Market({"NASDAQ:ACME": BARS}, is_silent=True)
    http = policy_in(VirtualTime(step=0.1), requests_per_minute=60_000.0, tries=1, timeout_seconds=0.5)
    provider, _ = asked(market, http)
    with pytest.raises(errors.ProviderUnavailableError, match=r"not complete within 0\.5 s"):
        provider.daily_bars(["ACME"], FIRST, LAST)


def test_an_unknown_symbol_is_refused_and_the_others_come(asked):
    provider, _ = asked(Market({"NASDAQ:ACME": BARS}))
    with pytest.raises(errors.ProviderPartialError) as caught:
        provider.daily_bars(["ACME", "NOSUCH"], FIRST, LAST)
    assert set(caught.value.delivered["ticker"]) == {"ACME"}
    assert isinstance(caught.value.refused["NOSUCH"], errors.ProviderNotFoundError)


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        (command("critical_error", ["cs_x", "internal"]), errors.ProviderUnavailableError),
        (command("protocol_error", ["wrong data"]), errors.ProviderUnavailableError),
        ("no frame at all", errors.ProviderDataError),
        ("~m~50~m~{}", errors.ProviderDataError),
        (pack("{broken"), errors.ProviderDataError),
        (pack("[1]"), errors.ProviderDataError),
    ],
)
def test_what_the_server_says_wrongly_is_an_error(asked, frame, kind):
    provider, _ = asked(Market({"NASDAQ:ACME": BARS}, extra=[frame]))
    with pytest.raises(kind):
        provider.daily_bars(["ACME"], FIRST, LAST)


def test_intraday_bars_say_whether_they_are_complete(asked):
    def at(hour, minute):
        return datetime(2026, 3, 2, hour, minute, tzinfo=UTC)

    rows = [
        (at(20, 55).timestamp(), 1.0, 2.0, 0.5, 1.5, 10.0),
        (at(21, 26).timestamp(), 1.5, 2.0, 1.0, 1.75, 5.0),
    ]
    market = Market({"NASDAQ:ACME": rows})
    provider, _ = asked(market)
    bars = provider.intraday_bars(["ACME"], "5m", date(2026, 3, 2), date(2026, 3, 2))
    assert bars.select("bar_start", "close", "is_complete", "source").rows() == [
        (at(20, 55), 1.5, True, "tradingview"),
        (at(21, 26), 1.75, False, "tradingview"),
    ]
    (interval,) = [parameters[4] for name, parameters in market.commands if name == "create_series"]
    assert interval == "5"
    with pytest.raises(errors.SettingsError, match="no interval '7m'"):
        provider.intraday_bars(["ACME"], "7m", FIRST, LAST)


def test_quotes_are_put_together_from_their_updates(asked):
    quote = {
        "lp": 12.5,
        "lp_time": 1772485200,
        "bid": 12.4,
        "ask": 12.6,
        "volume": 900,
        "currency_code": "USD",
    }
    provider, _ = asked(Market({"NYSE:NONE": BARS}, quotes={"NASDAQ:ACME": quote}))
    with pytest.raises(errors.ProviderPartialError) as caught:
        provider.quotes(["ACME", "NONE", "NOSUCH"])
    assert caught.value.delivered.select("ticker", "last", "bid", "ask", "volume", "currency").rows() == [
        ("ACME", 12.5, 12.4, 12.6, 900.0, "USD")
    ]
    assert caught.value.delivered["quoted_at"][0] == datetime(2026, 3, 2, 21, 0, tzinfo=UTC)
    assert sorted(caught.value.refused) == ["NONE", "NOSUCH"]


def test_listings_come_from_the_screener_at_the_preferred_exchange(asked):
    market = Market({"AMEX:ACME": BARS[5:], "NASDAQ:ACME": BARS, "NYSE:ELSE": BARS[3:]})
    provider, _ = asked(market, tickers=["ACME", "ELSE"])
    assert provider.listings().select("ticker", "security_id", "exchange", "first_session").rows() == [
        ("ACME", "tradingview:NASDAQ:ACME", "NASDAQ", DAYS[0]),
        ("ELSE", "tradingview:NYSE:ELSE", "NYSE", DAYS[3]),
    ]


def test_without_tickers_the_most_traded_are_listed(asked):
    provider, screener = asked(Market({"NASDAQ:ACME": BARS, "NYSE:ELSE": BARS}), top=1)
    assert provider.listings().height == 1
    question = json.loads(screener.seen[0].body)
    assert question["sort"] == {"sortBy": "Value.Traded", "sortOrder": "desc"}


def test_a_ticker_that_the_screener_does_not_know_is_named(asked):
    provider, _ = asked(Market({"NASDAQ:ACME": BARS}), tickers=["ACME", "NOSUCH"])
    with pytest.raises(errors.ProviderNotFoundError, match="knows no NOSUCH on NASDAQ, NYSE, AMEX"):
        provider.listings()


def test_a_screener_of_another_shape_is_an_error(asked):
    provider, screener = asked(Market({"NASDAQ:ACME": BARS}))
    screener.answer = lambda request: Reply({"rows": []})
    with pytest.raises(errors.ProviderDataError, match="another shape"):
        provider.daily_bars(["ACME"], FIRST, LAST)


def test_without_the_package_the_message_says_how_to_install_it(asked, monkeypatch):
    provider, _ = asked(Market({"NASDAQ:ACME": BARS}))
    monkeypatch.setitem(__import__("sys").modules, "websockets.sync.client", None)
    with pytest.raises(errors.ProviderUnavailableError, match=r"pip install 'nextgen\[tradingview\]'"):
        provider.daily_bars(["ACME"], FIRST, LAST)


def test_a_socket_elsewhere_is_refused():
    from nextgen_resources.market_data.tradingview import Provider

    http = policy_in(VirtualTime(), tries=1)
    with tradingview_on(Market({"NASDAQ:ACME": BARS}), http) as (_, screener):
        stranger = Provider(scanner_url=screener.url, socket_url="wss://10.0.0.1/socket", http=http)
        with pytest.raises(errors.ProviderAddressError, match="not among"):
            stranger.daily_bars(["ACME"], FIRST, LAST)
        stranger.close()


def test_numbers_with_a_gap_are_refused():
    update = {
        "m": "timescale_update",
        "p": ["cs", {"sds_1": {"s": [{"i": 0, "v": [1, 1, 1, 1, 1, 1]}, {"i": 2, "v": [3, 1, 1, 1, 1, 1]}]}}],
    }
    with pytest.raises(errors.ProviderDataError, match="numbering of the bars has a gap"):
        bars_of(update, "sds_1")


@given(st.lists(st.text(max_size=30), max_size=6))
def test_any_texts_survive_their_frames(texts):
    assert unpack("".join(map(pack, texts))) == texts


@given(st.text(alphabet="~mh0123456789{}\U0001f600", max_size=60))
def test_any_message_is_read_whole_or_refused(message):
    try:
        texts = unpack(message)
    except errors.ProviderDataError:
        return
    assert "".join(map(pack, texts)).replace("~m~0", "~m~") in message or texts


@needs_recordings
def test_recorded_frames_are_read_to_the_last():
    lines = [json.loads(line) for line in (SHARED / "frames.jsonl").read_text().splitlines() if line.strip()]
    kinds = []
    for line in lines:
        for text in unpack(line["frame"]):
            kinds.append("heartbeat" if is_heartbeat(text) else document_of(text).get("m", "hello"))
    assert {"hello", "qsd", "symbol_resolved", "series_loading", "du", "heartbeat"} <= set(kinds)
    du = next(line["frame"] for line in lines if line["case"].startswith("du"))
    assert bars_of(document_of(unpack(du)[0]), "s1") == {
        1663050540: (1721.18, 1721.75, 1721.17, 1721.74, 229.7826)
    }
    several = unpack((SHARED / "multi_frame_2023.txt").read_text().strip())
    assert [document_of(text)["p"][1]["n"] for text in several] == [
        "CBOT:ZSU2023", "CBOT:ZCU2023", "CBOT:ZCK2024", "CBOT:ZSF2024", "CBOT:ZC1!",
    ]  # fmt: skip
