"""Recordings: what was said is said again, refusals included, and what was not recorded is an error."""

import json
from datetime import UTC, date, datetime

import polars as pl
import pytest

from nextgen_resources import errors
from nextgen_resources.market_data import load_provider
from nextgen_resources.market_data.delivery import deliver_bars
from tests.resources.http.loopback import VirtualTime, policy_in
from tests.resources.market_data.yahoo_server import Chart, FakeYahoo, bars_of, weekdays, yahoo_on

FIRST, LAST = date(2026, 2, 23), date(2026, 2, 27)
DAYS = weekdays(FIRST, 5)


@pytest.fixture
def tape(tmp_path):
    """A recording of Yahoo: two tickers of a week, one of them refused, and a quote."""
    fake = FakeYahoo({"ACME": Chart(bars_of(DAYS), dividends={DAYS[1]: 0.5})})
    fake.quotes = [{"symbol": "ACME", "quoteType": "EQUITY", "regularMarketPrice": 3.0, "currency": "USD"}]
    http = policy_in(VirtualTime(), requests_per_minute=60_000.0)
    with yahoo_on(tmp_path, fake, http) as (yahoo, _):
        recorder = load_provider("recorded", http, path=tmp_path / "tape", record="yahoo")
        recorder._live = yahoo
        with pytest.raises(errors.ProviderPartialError):
            recorder.daily_bars(["GONE", "ACME"], FIRST, LAST)
        recorder.corporate_actions(["ACME"], FIRST, LAST)
        recorder.quotes(["ACME"])
    return tmp_path / "tape"


def replay(tape):
    return load_provider("recorded", path=tape)


def test_bars_are_said_again_with_who_gave_them_and_refusals_too(tape):
    delivery = deliver_bars(replay(tape), ["ACME", "GONE"], FIRST, LAST)
    assert delivery.rows["session_date"].to_list() == DAYS
    assert set(delivery.rows["source"]) == {"yahoo"}
    assert isinstance(delivery.refused["GONE"], errors.ProviderNotFoundError)
    assert "404" in str(delivery.refused["GONE"])


def test_a_single_refusal_is_raised_as_it_was(tape):
    with pytest.raises(errors.ProviderNotFoundError, match="404"):
        replay(tape).daily_bars(["GONE"], FIRST, LAST)


def test_a_part_of_what_was_recorded_is_answered(tape):
    bars = replay(tape).daily_bars(["ACME"], DAYS[1], DAYS[2])
    assert bars["session_date"].to_list() == DAYS[1:3]
    assert replay(tape).corporate_actions(["ACME"], DAYS[2], DAYS[3]).is_empty()
    assert replay(tape).quotes(["ACME"])["last"].to_list() == [3.0]


@pytest.mark.parametrize(
    "ask",
    [
        lambda p: p.daily_bars(["ELSE"], FIRST, LAST),
        lambda p: p.daily_bars(["ACME", "ELSE"], FIRST, LAST),
        lambda p: p.daily_bars(["ACME"], date(2026, 2, 20), LAST),
        lambda p: p.listings(),
        lambda p: p.quotes(["ELSE"]),
        lambda p: p.intraday_bars(["ACME"], "1m", FIRST, LAST),
    ],
)
def test_what_was_not_recorded_is_an_error_that_says_so(tape, ask):
    with pytest.raises(errors.NotRecordedError, match=r"was not recorded from yahoo in .*tape"):
        ask(replay(tape))


def test_the_manifest_says_what_was_asked_when_and_by_whom_it_was_answered(tape):
    lines = [json.loads(line) for line in (tape / "manifest.jsonl").read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["daily_bars", "corporate_actions", "quotes"]
    assert lines[0]["tickers"] == ["ACME", "GONE"]
    assert (lines[0]["first"], lines[0]["last"], lines[0]["rows"]) == ("2026-02-23", "2026-02-27", 5)
    assert datetime.fromisoformat(lines[0]["recorded_at"]).astimezone(UTC).year == 2026
    assert pl.read_parquet(tape / lines[0]["file"]).height == 5


def test_it_offers_what_the_recorded_provider_offered(tape):
    provider, yahoo = replay(tape), load_provider("yahoo")
    assert provider.capabilities == yahoo.capabilities
    assert (provider.delay_minutes, provider.dividend_basis) == (15, "previous_close")


def test_the_newest_recording_of_a_span_counts(tmp_path):
    for close in ("50.0", "51.0"):
        (tmp_path / "ACME.csv").write_text(
            f"date,open,high,low,close,volume\n2026-02-23,50,52,49,{close},10\n"
        )
        recorder = load_provider(
            "recorded", path=tmp_path / "tape", record="files", files_path=tmp_path / "ACME.csv"
        )
        recorder.daily_bars(["ACME"], FIRST, FIRST)
    assert replay(tmp_path / "tape").daily_bars(["ACME"], FIRST, FIRST)["close"].to_list() == [51.0]


def test_a_changed_file_is_refused(tape):
    file = next(tape.glob("*.parquet"))
    for file in tape.glob("*.parquet"):
        file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(errors.ProviderDataError, match="missing or was changed"):
        replay(tape).daily_bars(["ACME"], FIRST, LAST)


def test_a_manifest_that_leads_out_of_the_folder_is_refused(tape):
    text = (tape / "manifest.jsonl").read_text()
    name = json.loads(text.splitlines()[0])["file"]
    (tape / "manifest.jsonl").write_text(text.replace(name, "../../etc/passwd"))
    with pytest.raises(errors.ProviderDataError, match="names the file"):
        replay(tape).daily_bars(["ACME"], FIRST, LAST)


def test_half_a_line_of_a_killed_recorder_is_passed_over(tape):
    with (tape / "manifest.jsonl").open("a") as manifest:
        manifest.write('{"kind": "daily_bars", "tick')
    assert replay(tape).daily_bars(["ACME"], FIRST, LAST).height == 5


def test_a_folder_keeps_the_answers_of_one_provider(tape, tmp_path):
    (tmp_path / "ACME.csv").write_text("date,open,high,low,close,volume\n2026-02-23,50,51,49,50,10\n")
    other = load_provider("recorded", path=tape, record="files", files_path=tmp_path / "ACME.csv")
    with pytest.raises(errors.ProviderDataError, match="holds answers of yahoo"):
        other.daily_bars(["ACME"], FIRST, FIRST)


def test_an_empty_folder_says_how_to_record(tmp_path):
    with pytest.raises(errors.NotRecordedError, match="option record naming a live provider"):
        _ = replay(tmp_path).capabilities


def test_options_without_a_live_provider_are_refused(tmp_path):
    with pytest.raises(errors.SettingsError, match=r"unknown option\(s\) yahoo_tickers"):
        load_provider("recorded", path=tmp_path, yahoo_tickers=["A"])
