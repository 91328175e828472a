"""The real yfinance over TLS to a server on this machine: what it reads, and every way in which Yahoo refuses."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from nextgen_resources import errors
from nextgen_resources.http.journal import Journal
from nextgen_resources.market_data.door import check_bars
from tests.resources.http.loopback import Reply, VirtualTime, policy_in
from tests.resources.market_data.yahoo_server import (
    Chart,
    FakeYahoo,
    bars_of,
    charts_asked,
    first_asked,
    weekdays,
    yahoo_on,
)

SHARED = Path(__file__).parents[4] / "shared" / "data" / "api_payloads" / "yahoo"
needs_recordings = pytest.mark.skipif(not SHARED.is_dir(), reason=f"recorded answers are not at {SHARED}")
FIRST, LAST = date(2026, 2, 23), date(2026, 2, 27)
DAYS = weekdays(FIRST, 6)  # to Monday, 2 March 2026, the day that the clock shows
SPLIT = Chart(
    [
        (DAYS[0], 10.0, 11.0, 9.0, 10.5, 10.4, 4000),
        (DAYS[1], 10.5, 11.5, 10.0, 11.25, 11.2, 8000),
        (DAYS[2], 11.0, 12.0, 10.0, 11.0, 11.0, 5000),
    ],
    splits={DAYS[2]: (4, 1)},
    dividends={DAYS[1]: 0.05},
)
PAGE = Reply(
    "<!doctype html><html><head><title>Yahoo</title></head></html>", headers={"content-type": "text/html"}
)


@pytest.fixture
def time():
    return VirtualTime()


@pytest.fixture
def asked(tmp_path, time):
    """``asked(answer, **settings)`` gives the provider and its server until the test ends."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def start(answer, **settings):
            http = policy_in(time, **{"requests_per_minute": 60_000.0, **settings})
            return stack.enter_context(yahoo_on(tmp_path, answer, http))

        yield start


def closes(provider, *tickers, first=FIRST, last=LAST):
    bars = check_bars(provider.daily_bars(tickers, first, last), "yahoo")
    return dict(zip(bars["session_date"], bars["close"], strict=True))


def test_bars_splits_and_dividends_are_as_traded(asked):
    yahoo, server = asked(FakeYahoo({"ACME": SPLIT}))
    assert closes(yahoo, "ACME") == {DAYS[0]: 42.0, DAYS[1]: 45.0, DAYS[2]: 11.0}
    actions = yahoo.corporate_actions(["ACME"], FIRST, LAST)
    assert actions.select("ex_date", "kind", "split_ratio", "cash_amount_usd").rows() == [
        (DAYS[1], "dividend", None, 0.2),
        (DAYS[2], "split", 4.0, None),
    ]
    assert charts_asked(server) == ["ACME"]  # one answer served both questions


def test_its_requests_go_to_yahoo_s_own_names_over_tls(asked):
    yahoo, server = asked(FakeYahoo({"ACME": SPLIT}))
    closes(yahoo, "ACME")
    names = {request.host.partition(":")[0] for request in server.seen}
    assert {"query1.finance.yahoo.com", "query2.finance.yahoo.com"} <= names
    assert "chrome" in server.seen[0].headers["user-agent"].lower()


def test_a_certificate_of_somebody_else_is_refused_and_the_last_failure_is_told(tmp_path, time):
    from nextgen_resources.market_data.yahoo import Provider

    with yahoo_on(tmp_path, FakeYahoo({"ACME": SPLIT}), policy_in(time)) as (_, server):
        stranger = Provider(server=f"127.0.0.1:{server.port}", http=policy_in(time))
        with pytest.raises(errors.ProviderCircuitError, match=r"5 times in a row.*CertificateVerifyError"):
            stranger.daily_bars(["ACME"], FIRST, LAST)
        assert server.seen == []
        stranger.close()


def test_a_server_that_is_no_address_is_refused(time):
    from nextgen_resources.market_data.yahoo import Provider

    with pytest.raises(errors.SettingsError, match="expected an IP address and a port"):
        Provider(server="localhost", http=policy_in(time)).daily_bars(["ACME"], FIRST, LAST)


def test_a_gap_of_two_sessions_asks_from_its_first_day(asked):
    yahoo, server = asked(FakeYahoo({"ACME": Chart(bars_of(DAYS))}))
    assert list(closes(yahoo, "ACME", first=DAYS[4], last=DAYS[5])) == DAYS[4:]
    assert first_asked(server) == [DAYS[4]]


REFUSALS = {
    "429": (Reply("Too Many Requests\r\n", 429), errors.ProviderRateLimitedError),
    "429 with status 200": (Reply("Too Many Requests"), errors.ProviderRateLimitedError),
    "empty 200": (Reply(""), errors.ProviderEmptyError),
    "page": (PAGE, errors.ProviderHtmlError),
    "consent redirect": (
        Reply("", 307, {"location": "https://guce.yahoo.com/consent?brandType=nonEu"}), errors.ProviderConsentError,
    ),
    "broken json": (Reply('{"chart": {"result": [{"meta": {"cur'), errors.ProviderTruncatedError),
    "cut body": (Reply(json.dumps(SPLIT.document("ACME")), cut=50), errors.ProviderTruncatedError),
    "error in 200": (
        Reply({"chart": {"result": None, "error": {"code": "Bad Request", "description": "bad range"}}}),
        errors.ProviderStatedError,
    ),
    "unknown in 200": (
        Reply({"chart": {"result": None, "error": {"code": "Not Found", "description": "gone"}}}),
        errors.ProviderNotFoundError,
    ),
    "404": (
        Reply({"chart": {"result": None, "error": {"code": "Not Found", "description": "gone"}}}, 404),
        errors.ProviderNotFoundError,
    ),
    "401": (Reply({"finance": {"error": {"code": "Unauthorized", "description": "Invalid Crumb"}}}, 401),
            errors.ProviderUnauthorizedError),
    "503": (Reply("down", 503), errors.ProviderUnavailableError),
    "hang up": (Reply(hang_up=True), errors.ProviderUnavailableError),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
def test_every_refusal_of_a_chart_is_its_own_error_and_never_an_empty_table(asked, case):
    reply, kind = REFUSALS[case]
    yahoo, server = asked(FakeYahoo({"ACME": SPLIT}))
    server.answer.special["/chart/"] = reply
    with pytest.raises(kind):
        yahoo.daily_bars(["ACME"], FIRST, LAST)
    sent = [request for request in server.seen if "/chart/" in request.path]
    assert len(sent) == (3 if kind.is_retryable else 2 if case == "401" else 1)


def test_a_renewed_crumb_answers_a_401(asked):
    yahoo, server = asked(FakeYahoo({"ACME": SPLIT}))
    chart, refused = server.answer, []

    def once(request):
        if not refused and "period1" in request.query:
            refused.append(request)
            return REFUSALS["401"][0]
        return Reply(SPLIT.document("ACME"))

    chart.special["/chart/"] = once
    assert len(closes(yahoo, "ACME")) == 3
    assert len(refused) == 1


@pytest.mark.parametrize("reply", [Reply("Too Many Requests\r\n", 429), PAGE, Reply("", 500), Reply("")])
def test_without_a_crumb_charts_come_all_the_same_and_it_is_not_asked_for_each_time(asked, reply):
    yahoo, server = asked(FakeYahoo({"ACME": SPLIT, "OTHER": SPLIT}))
    server.answer.special["/getcrumb"] = reply
    assert closes(yahoo, "ACME")
    assert closes(yahoo, "OTHER")
    crumbs = [request for request in server.seen if request.path.endswith("getcrumb")]
    assert 1 <= len(crumbs) <= 3
    assert all("crumb" not in request.query for request in server.seen if "period1" in request.query)


def test_a_dead_name_without_currency_and_prices_is_an_error(asked):
    yahoo, _ = asked(FakeYahoo({"DEAD": Chart(currency=None), "ACME": SPLIT}))
    with pytest.raises(errors.ProviderDataError, match="neither a price nor a currency"):
        yahoo.daily_bars(["DEAD"], FIRST, LAST)


def test_a_live_name_without_a_bar_in_the_span_has_no_rows(asked):
    yahoo, _ = asked(FakeYahoo({"QUIET": Chart(bars_of([date(2026, 1, 5)]))}))
    assert closes(yahoo, "QUIET") == {}


def test_a_delisted_ticker_leaves_the_others(asked):
    yahoo, _ = asked(FakeYahoo({"ACME": SPLIT}))
    with pytest.raises(errors.ProviderPartialError) as caught:
        yahoo.daily_bars(["ACME", "GONE"], FIRST, LAST)
    assert set(check_bars(caught.value.delivered)["ticker"]) == {"ACME"}
    assert isinstance(caught.value.refused["GONE"], errors.ProviderNotFoundError)


def test_an_answer_over_the_limit_is_refused(asked):
    yahoo, _ = asked(
        FakeYahoo({"ACME": Chart(bars_of(weekdays(date(2025, 1, 1), 250)))}), body_limit_bytes=4096
    )
    with pytest.raises(errors.ProviderOversizeError, match="larger than 4096 bytes"):
        yahoo.daily_bars(["ACME"], date(2025, 1, 1), LAST)


def test_a_redirect_out_of_yahoo_is_refused(asked):
    yahoo, server = asked(FakeYahoo({"ACME": SPLIT}))
    server.answer.special["/chart/"] = Reply("", 302, {"location": "https://10.0.0.1/latest/meta-data"})
    with pytest.raises(errors.ProviderAddressError, match=r"leads to 10\.0\.0\.1"):
        yahoo.daily_bars(["ACME"], FIRST, LAST)


def test_intraday_bars_are_as_traded_and_say_whether_they_are_complete(asked, time):
    def at(hour, minute):
        return datetime(2026, 3, 2, hour, minute, tzinfo=UTC)

    rows = [(at(21, 20), 10.0, 10.5, 9.5, 10.25, 10.25, 100), (at(21, 29), 10.25, 10.5, 10.0, 10.5, 10.5, 50)]
    chart = Chart(rows, stamps=lambda moment: int(moment.timestamp()))
    yahoo, _ = asked(FakeYahoo({"ACME": chart}))
    bars = yahoo.intraday_bars(["ACME"], "5m", date(2026, 3, 2), date(2026, 3, 2))
    assert bars.select("ticker", "interval", "bar_start", "close", "is_complete", "source").rows() == [
        ("ACME", "5m", at(21, 20), 10.25, True, "yahoo"),
        ("ACME", "5m", at(21, 29), 10.5, False, "yahoo"),
    ]
    with pytest.raises(errors.SettingsError, match="no interval '7m'; it has 1m, 2m, 5m"):
        yahoo.intraday_bars(["ACME"], "7m", FIRST, LAST)


def test_quotes_tell_a_delisted_name_of_type_none_from_a_price(asked):
    yahoo, server = asked(FakeYahoo())
    server.answer.quotes = [
        {"symbol": "ACME", "quoteType": "EQUITY", "regularMarketPrice": 12.5, "bid": 12.4, "ask": 12.6,
         "regularMarketTime": 1772485200, "regularMarketVolume": 900, "currency": "USD"},
        {"symbol": "BRKS", "quoteType": "NONE", "tradeable": False},
    ]  # fmt: skip
    with pytest.raises(errors.ProviderPartialError) as caught:
        yahoo.quotes(["ACME", "BRKS", "NOSUCH"])
    assert caught.value.delivered.select("ticker", "last", "bid", "ask", "currency", "source").rows() == [
        ("ACME", 12.5, 12.4, 12.6, "USD", "yahoo")
    ]
    assert caught.value.delivered["quoted_at"][0] == datetime(2026, 3, 2, 21, 0, tzinfo=UTC)
    assert sorted(caught.value.refused) == ["BRKS", "NOSUCH"]


@pytest.mark.parametrize(
    "death",
    [Reply("down", 503), Reply("Too Many Requests", 429, {"retry-after": "60"}), Reply("", 429), Reply(""), PAGE,
     Reply(hang_up=True), Reply("", 307, {"location": "https://consent.yahoo.com/v2/collectConsent?sessionId=1"}),
     Reply({"finance": {"error": {"code": "Unauthorized"}}}, 401),
     pytest.param(Reply({"chart": {"result": None, "error": {"code": "Not Found"}}}, 404), marks=pytest.mark.slow)],
    ids=["503", "429 and wait", "429", "empty", "page", "hang up", "consent", "401", "404"],
)  # fmt: skip
def test_500_tickers_of_a_dead_provider_end_clearly_within_600_requests_and_ten_minutes(asked, time, death):
    yahoo, server = asked(lambda request: death, requests_per_minute=120.0)
    tickers = [f"T{number:03d}" for number in range(500)]
    with pytest.raises(errors.ProviderError, match=r"^yahoo"):
        yahoo.daily_bars(tickers, FIRST, LAST)
    assert len(server.seen) <= 600
    assert time.seconds <= 600.0


def test_a_run_that_was_cut_off_goes_on_where_it_stopped(tmp_path, time):
    tickers = [f"T{number:02d}" for number in range(6)]
    fake = FakeYahoo(dict.fromkeys(tickers, SPLIT))
    alive = dict(fake.charts)
    fake.special["/chart/T03"] = Reply("down", 503)
    for attempt in range(2):
        http = policy_in(time, Journal(tmp_path / "calls.sqlite", time), requests_per_minute=60_000.0)
        with yahoo_on(tmp_path, fake, http) as (yahoo, server):
            if attempt == 0:
                with pytest.raises(errors.ProviderPartialError):
                    yahoo.daily_bars(tickers, FIRST, LAST)
                fake.special.clear()
            else:
                assert set(check_bars(yahoo.daily_bars(tickers, FIRST, LAST))["ticker"]) == set(alive)
                assert charts_asked(server) == ["T03"]
        http.journal.close()
        time.sleep(200.0)


@needs_recordings
@pytest.mark.parametrize("name", ["AAPL-2020-08-31-to-2020-11-07", "MSFT-dividends-2021-02-01-to-2022-01-31",
                                  "NVDA-split-2021-02-01-to-2022-01-31"])  # fmt: skip
def test_recorded_answers_are_read(asked, name):
    prefix = "chart-" if name.startswith("AAPL") else "historical-via-chart-"
    recorded = json.loads((SHARED / f"{prefix}{name}.json").read_text())
    document, symbol = recorded["bodyJson"], name.partition("-")[0]
    yahoo, _ = asked(lambda r: Reply(document) if "/chart/" in r.path else FakeYahoo()(r))
    stated = document["chart"]["result"][0]
    first = datetime.fromtimestamp(stated["timestamp"][0], UTC).date()
    last = datetime.fromtimestamp(stated["timestamp"][-1], UTC).date()
    assert len(closes(yahoo, symbol, first=first, last=last)) == len(stated["timestamp"])
    events = stated["events"]
    actions = yahoo.corporate_actions([symbol], first, last)
    counts = dict(actions.group_by("kind").len().rows())
    assert counts.get("split", 0) == len(events.get("splits", {}))
    assert counts.get("dividend", 0) == len(events.get("dividends", {}))


@needs_recordings
@pytest.mark.parametrize(
    ("name", "kind"),
    [("chart-404-delisted", errors.ProviderNotFoundError),
     ("chart-LUCYW-null-currency-no-timestamps", errors.ProviderDataError),
     ("getcrumb-429", errors.ProviderRateLimitedError), ("download-401-invalid-cookie", errors.ProviderUnauthorizedError),
     ("getCrumb-quote-AAPL-consent.html", errors.ProviderConsentError),
     ("getCrumb-quote-AAPL", errors.ProviderConsentError)],
)  # fmt: skip
def test_recorded_refusals_are_told_apart(asked, name, kind):
    recorded = json.loads((SHARED / f"{name}.json").read_text())
    headers = {
        key: value[0] if isinstance(value, list) else value for key, value in recorded["headers"].items()
    }
    body = recorded.get("bodyJson", recorded.get("bodyText", ""))
    reply = Reply(body, recorded["status"], headers)
    yahoo, _ = asked(lambda r: reply if "/chart/" in r.path else FakeYahoo()(r))
    with pytest.raises(kind):
        yahoo.daily_bars(["LUCYW"], FIRST, LAST)


@needs_recordings
def test_recorded_quotes_are_read_and_the_delisted_are_refused(asked):
    fake = FakeYahoo()
    fake.quotes = [
        row
        for name in ("AAPL", "BRKS", "SI", "SIMP", "QQQ")
        for row in json.loads((SHARED / f"quote-{name}.json").read_text())["bodyJson"]["quoteResponse"][
            "result"
        ]
    ]
    yahoo, _ = asked(fake)
    with pytest.raises(errors.ProviderPartialError) as caught:
        yahoo.quotes(["AAPL", "BRKS", "SI", "SIMP", "QQQ"])
    assert caught.value.delivered["ticker"].to_list() == ["AAPL", "QQQ"]
    assert sorted(caught.value.refused) == ["BRKS", "SI", "SIMP"]
