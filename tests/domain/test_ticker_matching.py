"""Whom headlines are about: a labelled set of ours, forms one by one, and the universe of the day."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from nextgen_assets.domain.ticker_matching import CONFIDENCE, MINIMUM_CONFIDENCE, match_tickers

LABELLED = Path(__file__).parent / "matching"
DAY = date(2024, 1, 3)
OPEN_STAY = {"valid_from": pl.lit(date(2000, 1, 3)), "valid_to": pl.lit(None, pl.Date)}


def companies() -> pl.DataFrame:
    return pl.read_csv(LABELLED / "companies.csv").with_columns(**OPEN_STAY)


def matched(
    headlines: list[str],
    securities: pl.DataFrame | None = None,
    bodies: list[str | None] | None = None,
    day: date = DAY,
) -> pl.DataFrame:
    texts = pl.DataFrame(
        {"headline": headlines, "body": bodies or [None] * len(headlines)},
        schema={"headline": pl.String, "body": pl.String},
    ).with_row_index("row")
    return match_tickers(
        texts.with_columns(session_date=pl.lit(day)), companies() if securities is None else securities
    )


def only(headline: str, **options: object) -> dict[str, tuple[float, str]]:
    frame = matched([headline], **options)  # type: ignore[arg-type]
    return {ticker: (confidence, basis) for _, ticker, confidence, basis in frame.iter_rows()}


def test_precision_and_recall_on_the_labelled_headlines() -> None:
    labelled = pl.read_csv(LABELLED / "headlines.csv")
    assert labelled.height >= 150
    found: dict[int, set[str]] = {row: set() for row in range(labelled.height)}
    for row, ticker in matched(labelled["headline"].to_list()).select("row", "ticker").iter_rows():
        found[row].add(ticker)
    wanted = [set(text.split(";")) if text else set() for text in labelled["tickers"].to_list()]
    hits = sum(len(want & found[row]) for row, want in enumerate(wanted))
    wrong = {
        labelled["headline"][row]: found[row] - want for row, want in enumerate(wanted) if found[row] - want
    }
    missed = {
        labelled["headline"][row]: want - found[row] for row, want in enumerate(wanted) if want - found[row]
    }
    assert hits / (hits + sum(map(len, wrong.values()))) >= 0.98, wrong
    assert hits / (hits + sum(map(len, missed.values()))) >= 0.98, missed


@pytest.mark.parametrize(
    ("headline", "ticker", "basis"),
    [
        ("Analysts on $AAPL and the phone cycle", "AAPL", "cashtag"),
        ("Allstate (NYSE: ALL) to exit a market", "ALL", "exchange"),
        ("Chip maker (NVDA) in focus", "NVDA", "parenthesis"),
        ("Apple Inc. to report on Thursday", "AAPL", "full_name"),
        ("Microsoft to build a data centre", "MSFT", "name"),
        ("Big Blue bets on quantum", "IBM", "alias"),
        ("NFLX adds subscribers", "NFLX", "symbol"),
        ("Target beats estimates", "TGT", "ambiguous_name"),
    ],
)
def test_each_kind_of_evidence_has_its_confidence(headline: str, ticker: str, basis: str) -> None:
    assert only(headline) == {ticker: (CONFIDENCE[basis], basis)}


@pytest.mark.parametrize(
    "symbol", ["ON", "ALL", "IT", "NOW", "A", "ARE", "SO", "LOW", "KEY", "COST", "AI", "DOW"]
)
def test_a_symbol_that_is_a_word_matches_as_a_cashtag_and_never_in_plain_capitals(symbol: str) -> None:
    assert set(only(f"Traders look at {symbol} today after the bell rang")) == set()
    assert set(only(f"Traders look at ${symbol} today after the bell rang")) == {symbol}
    assert set(only(f"Traders look at NASDAQ: {symbol} today")) == {symbol}


@pytest.mark.parametrize(
    "text", ["US$5 falls", "A$AP Rocky", "costs $5M", "$100K", "$AAPLXYZ1", "a$aapl", "$"]
)
def test_money_and_names_with_dollar_signs_are_no_cashtags(text: str) -> None:
    assert only(text) == {}


def test_cashtags_side_by_side_are_all_read() -> None:
    assert set(only("$AAPL $MSFT,$IBM $ON/$MU")) == {"AAPL", "MSFT", "IBM", "ON", "MU"}


@pytest.mark.parametrize(
    ("headline", "tickers"),
    [
        ("Nvidia upgraded at Morgan Stanley", {"NVDA"}),
        ("Chevron price target cut to $90 at J.P. Morgan", {"CVX"}),
        ("Four reasons for faster growth: Goldman Sachs", set()),
        ("Morgan Stanley hires a chief", {"MS"}),
    ],
)
def test_a_broker_that_speaks_is_not_the_subject(headline: str, tickers: set[str]) -> None:
    assert set(only(headline)) == tickers


def test_the_longest_name_at_a_place_wins() -> None:
    assert set(only("Apple Hospitality REIT buys a hotel")) == {"APLE"}


def test_classes_of_one_company_share_its_name_and_namesakes_match_neither() -> None:
    assert set(only("Alphabet tops estimates")) == {"GOOG", "GOOGL"}
    namesakes = pl.DataFrame({"ticker": ["LBTYA", "LSXM"], "name": ["Zephyrus Corp", "Zephyrus Industries"]})
    both = namesakes.with_columns(**OPEN_STAY)
    assert only("Zephyrus tops estimates", securities=both) == {}
    assert set(only("Zephyrus Industries tops estimates", securities=both)) == {"LSXM"}


def test_names_are_those_of_the_universe_on_the_session() -> None:
    renamed = pl.DataFrame(
        {
            "ticker": ["FB", "META"],
            "name": ["Facebook, Inc. Class A", "Meta Platforms, Inc. Class A"],
            "valid_from": [date(2012, 5, 18), date(2022, 6, 9)],
            "valid_to": [date(2022, 6, 9), None],
        }
    )
    before, after = date(2022, 6, 8), date(2022, 6, 9)
    assert set(only("Facebook shares rise", securities=renamed, day=before)) == {"FB"}
    assert set(only("Facebook shares rise", securities=renamed, day=after)) == {"META"}
    assert set(only("Meta Platforms shares rise", securities=renamed, day=before)) == set()
    assert set(only("$META rises", securities=renamed, day=before)) == set()
    assert set(only("Facebook shares rise", securities=renamed, day=date(2012, 5, 17))) == set()


def test_a_later_namesake_does_not_make_an_earlier_name_ambiguous() -> None:
    stays = pl.DataFrame(
        {
            "ticker": ["ZPH", "ZPI"],
            "name": ["Zephyrus Corp", "Zephyrus Industries"],
            "valid_from": [date(2000, 1, 3), date(2010, 1, 4)],
            "valid_to": [None, None],
        },
        schema_overrides={"valid_to": pl.Date},
    )
    assert set(only("Zephyrus tops estimates", securities=stays, day=date(2009, 6, 1))) == {"ZPH"}
    assert set(only("Zephyrus tops estimates", securities=stays, day=date(2010, 6, 1))) == set()


def test_a_name_in_the_body_alone_weighs_less_and_a_doubtful_one_nothing() -> None:
    frame = matched(
        ["Quarterly review", "Quarterly review"], bodies=["Microsoft led.", "Target beats estimates."]
    )
    assert frame.rows() == [(0, "MSFT", pytest.approx(0.54), "name")]
    assert frame["confidence"].item() >= MINIMUM_CONFIDENCE


def test_a_hostile_headline_names_nobody_beyond_the_universe() -> None:
    assert only("IGNORE ALL RULES $EVIL (NASDAQ: HACK) '; DROP TABLE trades;--") == {}
    assert only("$" * 3_000 + "(" * 3_000) == {}
