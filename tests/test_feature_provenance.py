"""The provenance of a window names its exact raw row versions, and they rebuild the same tensor, bit for bit."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import polars as pl
import pytest

from nextgen_assets.domain.features import FeatureSet, select
from nextgen_assets.domain.provenance import row_digests
from nextgen_assets.domain.sectors import sector_spans
from nextgen_assets.domain.sessions import xnys
from nextgen_assets.domain.window_store import WindowStore
from nextgen_assets.domain.windows import feature_vectors, required_history, window_rows
from nextgen_assets.feature_windows import feature_set_row
from nextgen_resources.warehouse.warehouse import Warehouse
from tests.contracts.synthetic_market import TICKERS, Market, actions_frame, no_sentiment, synthetic_market

OWN = FeatureSet(select(["return_5", "parkinson_10", "alpha_corr5", "ta_bop"]), 6)
WIDE = FeatureSet(select(["return_5", "parkinson_10", "rank_return_5", "market_return_1"]), 6)
SECTORS = FeatureSet(select(["return_5", "parkinson_10", "return_1_over_sector"]), 6)
SPAN = required_history(OWN.features, 6)
AT = 60
BOTH = pytest.mark.parametrize("chosen", [OWN, WIDE], ids=["own ticker", "whole market"])


@pytest.fixture(scope="module")
def market() -> Market:
    whole = synthetic_market()
    return replace(whole, sentiment=no_sentiment(), articles=whole.articles.clear())


def rows_of(market: Market, chosen: FeatureSet, tickers: tuple[str, ...] = TICKERS) -> pl.DataFrame:
    panel = market.panel(tickers=tickers)
    return window_rows(
        panel,
        feature_vectors(panel, chosen.features),
        row_digests(
            market.bars,
            market.actions,
            market.articles,
            panel,
            xnys(),
            market.sectors if chosen.reads_sectors else None,
        ),
        feature_set=chosen,
        calendar=xnys(),
        delay_minutes=30,
        first=market.sessions[AT - 5],
        last=market.sessions[AT],
    )


def stored(warehouse: Warehouse, market: Market, chosen: FeatureSet) -> pl.DataFrame:
    """The market and its windows in the warehouse; two bars were corrected after the windows were made."""
    rows = rows_of(market, chosen)
    corrected = pl.col("session_date").is_in([market.sessions[AT - 3]]) & pl.col("ticker").is_in(
        ["WAVE", "FLAT"]
    )
    later = pl.lit(datetime(2030, 1, 1, tzinfo=UTC)).cast(pl.Datetime("us", "UTC"))
    stamps = {"known_at_is_assumed": pl.lit(False), "run_id": pl.lit("run")}
    bars = market.bars.with_columns(**stamps)
    current = bars.with_columns(
        pl.when(corrected).then(later).otherwise("known_at").alias("known_at"),
        pl.when(corrected).then(pl.col("volume") + 7).otherwise("volume").alias("volume"),
    )
    definition = feature_set_row(chosen).with_columns(created_at=later)
    frames = {
        "market_prices": current,
        "market_price_revisions": bars.filter(corrected).with_columns(superseded_at=later),
        "corporate_actions": market.actions.with_columns(**stamps),
        "feature_sets": definition,
        "feature_windows": rows.with_columns(run_id=pl.lit("run")),
    }
    with warehouse.get_connection() as connection:
        for table, frame in frames.items():
            connection.register("incoming", frame.to_arrow())
            connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM incoming")
            connection.unregister("incoming")
    return rows


def sql(warehouse: Warehouse, query: str) -> pl.DataFrame:
    with warehouse.get_connection() as connection:
        return connection.sql(query).pl()


@BOTH
def test_provenance_names_every_version_that_went_in_and_no_other(
    warehouse: Warehouse, market: Market, chosen: FeatureSet
) -> None:
    rows = stored(warehouse, market, chosen)
    window = rows.row(
        by_predicate=(pl.col("ticker") == "WAVE") & (pl.col("session_date") == market.sessions[AT]),
        named=True,
    )
    named = sql(warehouse, f"SELECT * FROM feature_provenance('{window['window_id']}')")
    inside = pl.col("session_date").is_between(market.sessions[AT - SPAN], market.sessions[AT])
    read = market.bars.filter(inside & (pl.lit(chosen is WIDE) | (pl.col("ticker") == "WAVE")))
    found = named.filter(pl.col("table_name") == "market_prices").select("ticker", "session_date", "known_at")
    expected = read.select("ticker", "session_date", "known_at").sort("ticker", "session_date")
    assert found.sort("ticker", "session_date").rows() == expected.rows()
    acted = named.filter(pl.col("table_name") == "corporate_actions")["ticker"].to_list()
    assert acted == (["SPLIT"] if chosen is WIDE else [])


@BOTH
def test_the_named_versions_rebuild_the_same_tensor_and_the_same_ids(
    warehouse: Warehouse, market: Market, chosen: FeatureSet
) -> None:
    rows = stored(warehouse, market, chosen)
    ends = rows.filter(pl.col("session_date") == market.sessions[AT]).sort("ticker")
    stacked = WindowStore.from_rows(rows, market.sessions[AT - 5 : AT + 1]).at(market.sessions[AT])
    for window_id in stacked.window_ids:
        named = f"(SELECT * FROM feature_provenance('{window_id}'))"
        versions = "(SELECT * EXCLUDE superseded_at FROM market_price_revisions UNION ALL BY NAME SELECT * FROM market_prices)"
        bars = sql(
            warehouse,
            f"SELECT v.* FROM {versions} v JOIN {named} n USING (ticker, session_date, known_at) "
            "WHERE n.table_name = 'market_prices'",
        ).with_columns(pl.col("known_at").dt.convert_time_zone("UTC"))
        actions = sql(
            warehouse,
            f"SELECT a.* FROM corporate_actions a JOIN {named} n ON n.table_name = 'corporate_actions' "
            "AND a.ticker = n.ticker AND a.ex_date = n.session_date AND a.kind = n.row_key",
        ).with_columns(pl.col("known_at").dt.convert_time_zone("UTC"))
        tickers = tuple(bars["ticker"].unique().sort())
        again = Market(
            market.sessions[AT - SPAN - 5 : AT + 1],
            bars,
            actions_frame(actions.drop("known_at_is_assumed", "run_id").to_dicts()),
            no_sentiment(),
            market.articles,
        )
        rebuilt = rows_of_last(again, chosen, tickers).filter(pl.col("window_id") == window_id)
        original = ends.filter(pl.col("window_id") == window_id)
        assert rebuilt.equals(original.select(rebuilt.columns))
        ticker = original["ticker"][0]
        vectors = feature_vectors(again.panel(tickers=tickers), chosen.features)
        tensor = vectors[-6:, tickers.index(ticker)]
        assert tensor.tobytes() == stacked.tensor[stacked.tickers.index(ticker)].tobytes()
    assert stacked.tickers == sorted(TICKERS)


def rows_of_last(market: Market, chosen: FeatureSet, tickers: tuple[str, ...]) -> pl.DataFrame:
    """The row of the last session alone."""
    panel = market.panel(tickers=tickers)
    last: date = market.sessions[-1]
    return window_rows(
        panel,
        feature_vectors(panel, chosen.features),
        row_digests(market.bars, market.actions, market.articles, panel, xnys()),
        feature_set=chosen,
        calendar=xnys(),
        delay_minutes=30,
        first=last,
        last=last,
    )


@pytest.mark.parametrize(
    ("chosen", "changes"), [(OWN, False), (WIDE, True)], ids=["own ticker", "whole market"]
)
def test_a_bar_of_another_ticker_changes_the_windows_that_read_the_market(
    market: Market, chosen: FeatureSet, changes: bool
) -> None:
    hit = (pl.col("ticker") == "FLAT") & (pl.col("session_date") == market.sessions[AT - SPAN])
    volume = pl.when(hit).then(pl.col("volume") + 1).otherwise("volume").alias("volume")
    other = replace(market, bars=market.bars.with_columns(volume))
    before, after = (
        rows_of(each, chosen).filter(pl.col("ticker") == "WAVE")["window_id"] for each in (market, other)
    )
    assert (before.to_list()[-1] != after.to_list()[-1]) == changes


def test_windows_of_sector_features_name_the_listings_that_state_them(
    warehouse: Warehouse, market: Market
) -> None:
    spans = market.sectors.rename({"first_session": "known_from", "stop_session": "valid_to"})
    listings = spans.drop("known_from").with_columns(
        *(pl.lit(text).alias(name) for name, text in (("exchange", "XNYS"), ("currency", "USD"))),
        pl.lit("listed").alias("reason_in"),
        pl.when(pl.col("valid_to").is_not_null()).then(pl.lit("removed")).alias("reason_out"),
        pl.col("ticker").alias("security_id"),
        pl.col("ticker").alias("name"),
        pl.lit("run").alias("run_id"),
    )
    with warehouse.get_connection() as connection:
        connection.register("incoming", listings.to_arrow())
        connection.execute("INSERT INTO security_listings BY NAME SELECT * FROM incoming")
    assert sector_spans(warehouse.read("listings"), xnys(), 30).equals(
        market.sectors.sort("ticker", "valid_from")
    )
    rows = stored(warehouse, market, SECTORS)
    last = rows.filter(pl.col("session_date") == market.sessions[AT], pl.col("ticker") == "WAVE")
    named = sql(warehouse, f"SELECT * FROM feature_provenance('{last['window_id'][0]}')")
    found = named.filter(pl.col("table_name") == "security_listings").select(
        "ticker", "session_date", "row_key"
    )
    inside = market.sectors.filter(
        pl.col("stop_session").is_null() | (pl.col("stop_session") > market.sessions[AT - SPAN])
    )
    assert sorted(found.rows()) == sorted(inside.select("ticker", "valid_from", "sector").rows())
    moved = market.sectors.with_columns(
        sector=pl.when(ticker="SPLIT").then(pl.lit("Waves")).otherwise("sector")
    )
    again = rows_of(replace(market, sectors=moved), SECTORS)
    assert not set(again["window_id"]) & set(rows["window_id"])
    assert rows_of(replace(market, sectors=moved), WIDE).equals(rows_of(market, WIDE))


def test_order_of_tickers_and_tickers_that_do_not_trade_change_no_row(market: Market) -> None:
    turned = rows_of(market, WIDE, ("ZZZ", *TICKERS[::-1], "AAA"))
    assert turned.equals(rows_of(market, WIDE))


def test_a_market_row_learned_late_is_in_inputs_known_until(market: Market) -> None:
    moment = xnys().cutoff(market.sessions[AT], 10)
    hit = (pl.col("ticker") == "FLAT") & (pl.col("session_date") == market.sessions[AT])
    known = (
        pl.when(hit)
        .then(pl.lit(moment))
        .otherwise("known_at")
        .cast(pl.Datetime("us", "UTC"))
        .alias("known_at")
    )
    late = replace(market, bars=market.bars.with_columns(known))
    of_wave = {
        chosen: rows_of(late, chosen).filter(pl.col("ticker") == "WAVE")["inputs_known_until"][-1]
        for chosen in (OWN, WIDE)
    }
    assert of_wave[WIDE] == moment
    assert of_wave[OWN] < moment
