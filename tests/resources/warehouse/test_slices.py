"""What a frame must be to take the place of a slice, and what each way of writing leaves behind."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from nextgen_resources.errors import LedgerConflictError, SliceError
from nextgen_resources.warehouse.schema import read_tables, tables_of_record
from nextgen_resources.warehouse.slices import Slice, prepare
from nextgen_resources.warehouse.tables import TABLES
from nextgen_resources.warehouse.warehouse import frame_of, migrated_in_memory
from nextgen_resources.warehouse.writing import write
from tests.resources.warehouse.table_rows import (
    bars,
    cutoff,
    day,
    holdings,
    plans,
    portfolio,
    priorities,
    signals,
    stays,
    steps,
)

FRIDAY, MONDAY, TUESDAY = day("2005-01-07"), day("2005-01-10"), day("2005-01-11")
LEARNED_AT = datetime(2005, 3, 1, 12, tzinfo=UTC)


class Store:
    """A migrated database in memory and the two calls that the IO manager makes."""

    def __init__(self) -> None:
        self.connection = migrated_in_memory()
        self.tables = read_tables(self.connection)

    def put(
        self,
        table: str,
        frame: pl.DataFrame,
        *sessions: date,
        scenario_id: str = "baseline",
        learned_at: datetime = LEARNED_AT,
        run_id: str = "run-1",
    ) -> int:
        spec = TABLES[table]
        cut = Slice(min(sessions), max(sessions), scenario_id) if sessions else None
        prepared = prepare(frame, self.tables[table], spec, cut, run_id)
        return write(self.connection, prepared, self.tables[table], spec, cut, learned_at).rows

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        return frame_of(self.connection, sql).rows()


@pytest.fixture
def store():
    made = Store()
    yield made
    made.connection.close()


# --- what a frame must be


def _refused(frame: pl.DataFrame, told: str, table: str = "strategic_priorities", *sessions: date) -> None:
    cut = Slice(min(sessions), max(sessions), "baseline") if sessions else Slice(MONDAY, MONDAY, "baseline")
    with pytest.raises(SliceError, match=told):
        prepare(frame, tables_of_record()[table], TABLES[table], cut, "run-1")


def test_frame_gets_the_run_and_the_order_of_the_table() -> None:
    shuffled = priorities([MONDAY]).select(
        "score", "as_of", "ticker", "tier", "factors", "session_date", "rationale"
    )
    cut = Slice(MONDAY, MONDAY, "baseline")
    table = tables_of_record()["strategic_priorities"]
    prepared = prepare(shuffled, table, TABLES["strategic_priorities"], cut, "run-7")
    assert prepared.columns == table.names
    assert prepared["run_id"].unique().to_list() == ["run-7"]


def test_missing_column_is_named_with_the_table_the_slice_and_the_next_step() -> None:
    _refused(
        priorities([MONDAY]).drop("score"),
        r"^strategic_priorities 2005-01-10: .*lacks the columns \['score'\].*return them",
    )


def test_unknown_column_is_named_with_the_table_the_slice_and_the_next_step() -> None:
    _refused(
        priorities([MONDAY], colour="red"),
        r"^strategic_priorities 2005-01-10: .*columns \['colour'\] that the table lacks; add a migration",
    )


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("score", "high", "column score is String, expected DOUBLE; cast it"),
        ("ticker", 7, "column ticker is Int32, expected VARCHAR; cast it"),
        ("session_date", "2005-01-10", "column session_date is String, expected DATE; cast it"),
        ("session_date", datetime(2005, 1, 10, 9, 30), "column session_date is Datetime.*expected DATE"),  # noqa: DTZ001
        ("as_of", datetime(2005, 1, 10), "column as_of is Datetime.*expected TIMESTAMP WITH TIME ZONE"),  # noqa: DTZ001
        ("factors", {"a": 1}, "column factors is Struct.*expected JSON"),
    ],
)
def test_wrong_type_is_named_with_the_column_and_what_is_expected(column, value, told) -> None:
    frame = priorities([MONDAY]).with_columns(pl.lit(value).alias(column))
    _refused(frame, rf"^strategic_priorities 2005-01-10: {told}")


def test_list_of_numbers_for_a_list_of_texts_is_refused() -> None:
    assert not _column("news_articles", "tickers").accepts(pl.List(pl.Int64))
    assert _column("news_articles", "tickers").accepts(pl.List(pl.String))
    assert not _column("feature_windows", "values").accepts(pl.List(pl.String))
    assert _column("feature_windows", "values").accepts(pl.Array(pl.Float32, 20))


def test_money_finer_than_the_ledger_is_refused() -> None:
    assert not _column("trades", "price").accepts(pl.Decimal(38, 9))
    assert _column("trades", "price").accepts(pl.Decimal(20, 6))
    assert not _column("trades", "price").accepts(pl.Float64())


def _column(table: str, name: str):
    return next(column for column in tables_of_record()[table].columns if column.name == name)


def test_null_where_a_value_must_be_is_counted_by_column() -> None:
    frame = priorities([MONDAY]).with_columns(score=pl.lit(None, pl.Float64))
    _refused(
        frame, r"^strategic_priorities 2005-01-10: nulls in columns .*\{'score': 2\}; leave such rows out"
    )


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_number_that_is_none_is_refused(number) -> None:
    _refused(priorities([MONDAY], score=number), r"NaN or infinite numbers in \{'score': 2\}; write null")


def test_doubled_key_is_shown() -> None:
    doubled = pl.concat([priorities([MONDAY]), priorities([MONDAY], ["IBM"])])
    _refused(
        doubled,
        r"2 rows share a key \(ticker, session_date\), for example \('IBM', .*2005, 1, 10.*keep one row",
    )


def test_row_outside_the_slice_is_shown() -> None:
    _refused(
        priorities([MONDAY, TUESDAY]),
        r"^strategic_priorities 2005-01-10: 2 rows lie outside the slice \(session_date 2005-01-11 …\)",
    )


def test_row_of_another_scenario_is_refused() -> None:
    _refused(
        plans([MONDAY], scenario_id="bold"),
        r"^trade_plans 2005-01-10: 1 rows are of scenario 'bold'; .*'baseline' only",
        "trade_plans",
    )


def test_midnights_become_dates_because_pandas_has_none() -> None:
    frame = priorities([MONDAY]).with_columns(pl.col("session_date").cast(pl.Datetime("ns")))
    spec = TABLES["strategic_priorities"]
    prepared = prepare(
        frame, tables_of_record()["strategic_priorities"], spec, Slice(MONDAY, MONDAY, "baseline"), "run-1"
    )
    assert prepared["session_date"].to_list() == [MONDAY, MONDAY]


# --- replacing a slice


def test_replacing_a_slice_leaves_its_neighbours(store) -> None:
    store.put("strategic_priorities", priorities([FRIDAY, MONDAY, TUESDAY]), FRIDAY, TUESDAY)
    store.put("strategic_priorities", priorities([MONDAY], ["MSFT"], score=0.9), MONDAY)
    assert store.rows("SELECT session_date, ticker, score FROM strategic_priorities ORDER BY ALL") == [
        (FRIDAY, "AAPL", 0.5),
        (FRIDAY, "IBM", 0.5),
        (MONDAY, "MSFT", 0.9),
        (TUESDAY, "AAPL", 0.5),
        (TUESDAY, "IBM", 0.5),
    ]


def test_changed_column_order_swaps_nothing(store) -> None:
    frame = priorities([MONDAY], ["AAPL"], rationale="why", factors='{"a":1}')
    store.put("strategic_priorities", frame.select(sorted(frame.columns, reverse=True)), MONDAY)
    assert store.rows("SELECT ticker, tier, score, rationale, factors FROM strategic_priorities") == [
        ("AAPL", "core", 0.5, "why", '{"a":1}')
    ]


def test_empty_frame_is_refused_and_says_how_many_rows_it_would_have_cost(store) -> None:
    store.put("strategic_priorities", priorities([MONDAY]), MONDAY)
    with pytest.raises(
        SliceError, match=r"strategic_priorities 2005-01-10: .*empty and would replace 2 rows.*upstream"
    ):
        store.put("strategic_priorities", priorities([MONDAY]).clear(), MONDAY)
    assert store.rows("SELECT count(*) FROM strategic_priorities") == [(2,)]


def test_empty_frame_empties_a_table_that_may_become_empty(store) -> None:
    store.put("portfolio_holdings", holdings([FRIDAY, MONDAY]), FRIDAY, MONDAY)
    store.put("portfolio_holdings", holdings([MONDAY]).clear(), MONDAY)
    assert store.rows("SELECT session_date FROM portfolio_holdings") == [(FRIDAY,)]


def test_replacing_the_portfolio_of_a_scenario_leaves_the_other_one(store) -> None:
    store.put("portfolio_values", portfolio([MONDAY], scenario_id="bold"), MONDAY, scenario_id="bold")
    store.put("portfolio_values", portfolio([MONDAY]), MONDAY)
    store.put("portfolio_values", portfolio([MONDAY], cash_usd=7), MONDAY)
    assert store.rows("SELECT scenario_id, cash_usd FROM portfolio_values ORDER BY ALL") == [
        ("baseline", Decimal("7.000000")),
        ("bold", Decimal("100.000000")),
    ]


# --- appending, overwriting


def test_appending_twice_writes_nothing_twice_and_keeps_the_first(store) -> None:
    assert store.put("retrain_signals", signals([FRIDAY, MONDAY]), FRIDAY, MONDAY) == 2
    assert store.put("retrain_signals", signals([MONDAY], reason="changed"), MONDAY, run_id="run-2") == 0
    assert store.put("retrain_signals", signals([MONDAY, TUESDAY]), MONDAY, TUESDAY) == 1
    assert store.rows("SELECT DISTINCT reason FROM retrain_signals") == [("worse than the base rate",)]
    assert store.rows("SELECT count(*) FROM retrain_signals") == [(3,)]


def test_upsert_overwrites_known_keys_and_leaves_the_rest(store) -> None:
    store.put("task_runs", steps(["prices", "scores"]))
    store.put("task_runs", steps(["scores", "trades"], status="failed"))
    assert store.rows("SELECT step_key, status FROM task_runs ORDER BY ALL") == [
        ("prices", "started"),
        ("scores", "failed"),
        ("trades", "failed"),
    ]


def test_absent_nullable_column_overwrites_with_null(store) -> None:
    store.put("task_runs", steps(["scores"], rows_written=7, error_class="SliceError"))
    store.put("task_runs", steps(["scores"]))
    assert store.rows("SELECT rows_written, error_class FROM task_runs") == [(None, None)]


def test_whole_table_is_replaced_by_an_asset_without_partitions(store) -> None:
    store.put("ticker_universe", stays(["AAPL", "IBM"]))
    store.put("ticker_universe", stays(["IBM", "MSFT"], sector="services"))
    assert store.rows("SELECT ticker, sector FROM ticker_universe ORDER BY ALL") == [
        ("IBM", "services"),
        ("MSFT", "services"),
    ]


# --- revising prices


def test_corrected_bar_keeps_its_old_version_with_the_times_between_which_it_was_believed(store) -> None:
    store.put("market_prices", bars([MONDAY], ["AAPL", "IBM"]), MONDAY)
    corrected = bars([MONDAY], ["AAPL", "IBM"]).with_columns(
        close=pl.when(pl.col("ticker") == "AAPL").then(11.5).otherwise(pl.col("close"))
    )
    assert store.put("market_prices", corrected, MONDAY, run_id="run-2") == 1
    learned = cutoff(MONDAY) - timedelta(minutes=15)
    assert store.rows(
        "SELECT ticker, close, known_at, superseded_at, run_id FROM market_price_revisions"
    ) == [("AAPL", 11.0, learned, LEARNED_AT, "run-1")]
    assert store.rows(
        "SELECT ticker, close, known_at, known_at_is_assumed, run_id FROM market_prices ORDER BY ALL"
    ) == [
        ("AAPL", 11.5, LEARNED_AT, False, "run-2"),
        ("IBM", 11.0, learned, True, "run-1"),
    ]


def test_prices_as_of_a_moment_are_those_believed_then(store) -> None:
    store.put("market_prices", bars([MONDAY], ["AAPL"]), MONDAY)
    store.put("market_prices", bars([MONDAY], ["AAPL"], close=11.5), MONDAY)
    second = LEARNED_AT + timedelta(days=1)
    store.put("market_prices", bars([MONDAY], ["AAPL"], close=10.5), MONDAY, learned_at=second)

    def closes(moment: datetime) -> list[tuple[object, ...]]:
        frame = frame_of(
            store.connection, "SELECT close FROM market_prices_as_of($moment)", {"moment": moment}
        )
        return frame.rows()

    tick = timedelta(microseconds=1)
    learned = cutoff(MONDAY) - timedelta(minutes=15)
    assert closes(learned - tick) == []
    assert closes(learned) == [(11.0,)]
    assert closes(LEARNED_AT - tick) == [(11.0,)]
    assert closes(LEARNED_AT) == [(11.5,)]
    assert closes(second - tick) == [(11.5,)]
    assert closes(second) == [(10.5,)]


def test_same_bars_again_write_nothing(store) -> None:
    store.put("market_prices", bars([MONDAY]), MONDAY)
    later = LEARNED_AT + timedelta(days=9)
    again = bars([MONDAY], known_at=later, known_at_is_assumed=False)
    assert store.put("market_prices", again, MONDAY, learned_at=later, run_id="run-2") == 0
    assert store.rows("SELECT count(*) FROM market_price_revisions") == [(0,)]
    assert store.rows("SELECT DISTINCT run_id, known_at_is_assumed FROM market_prices") == [("run-1", True)]


def test_bar_that_is_no_longer_delivered_stays(store) -> None:
    store.put("market_prices", bars([MONDAY], ["AAPL", "IBM"]), MONDAY)
    assert store.put("market_prices", bars([MONDAY], ["IBM", "MSFT"]), MONDAY) == 1
    assert store.rows("SELECT count(*) FROM market_prices") == [(3,)]


def test_correction_by_a_clock_behind_the_assumed_time_follows_it_by_a_microsecond(store) -> None:
    store.put("market_prices", bars([MONDAY], ["AAPL"]), MONDAY)
    learned = cutoff(MONDAY) - timedelta(minutes=15)
    early = learned - timedelta(hours=1)
    store.put("market_prices", bars([MONDAY], ["AAPL"], close=11.5, known_at=early), MONDAY, learned_at=early)
    assert store.rows("SELECT known_at FROM market_prices") == [(learned + timedelta(microseconds=1),)]
    assert store.rows("SELECT superseded_at FROM market_price_revisions") == [
        (learned + timedelta(microseconds=1),)
    ]


# --- replacing the tail of a ledger


def test_tail_is_replaced_from_the_first_session_on(store) -> None:
    store.put("trade_plans", plans([FRIDAY, MONDAY, TUESDAY]), FRIDAY, TUESDAY)
    changed = plans([MONDAY, TUESDAY], quantity=9)
    assert store.put("trade_plans", changed, MONDAY, TUESDAY, run_id="run-2") == 2
    assert store.rows("SELECT session_date, quantity, run_id FROM trade_plans ORDER BY ALL") == [
        (FRIDAY, 5, "run-1"),
        (MONDAY, 9, "run-2"),
        (TUESDAY, 9, "run-2"),
    ]


def test_same_tail_again_writes_nothing_even_in_the_middle(store) -> None:
    store.put("trade_plans", plans([FRIDAY, MONDAY, TUESDAY]), FRIDAY, TUESDAY)
    assert store.put("trade_plans", plans([MONDAY]), MONDAY, run_id="run-2") == 0
    assert store.rows("SELECT DISTINCT run_id FROM trade_plans") == [("run-1",)]


@pytest.mark.parametrize(
    "change", [{"quantity": 9}, {"prediction_id": "other"}], ids=["value", "null to value"]
)
def test_change_in_the_middle_of_a_ledger_is_refused_with_the_range_to_run(store, change) -> None:
    store.put("trade_plans", plans([FRIDAY, MONDAY, TUESDAY]), FRIDAY, TUESDAY)
    with pytest.raises(
        LedgerConflictError, match=r"trade_plans 2005-01-10: .*re-materialise .*2005-01-10\.\.2005-01-11"
    ):
        store.put("trade_plans", plans([MONDAY], **change), MONDAY)
    assert store.rows("SELECT DISTINCT quantity, prediction_id FROM trade_plans") == [(5, None)]


def test_removal_in_the_middle_of_a_ledger_is_refused(store) -> None:
    store.put("trade_plans", plans([FRIDAY, MONDAY, TUESDAY]), FRIDAY, TUESDAY)
    with pytest.raises(LedgerConflictError, match=r"trade_plans 2005-01-10"):
        store.put("trade_plans", plans([MONDAY]).clear(), MONDAY)


def test_change_under_a_later_portfolio_without_trades_is_refused(store) -> None:
    store.put("trade_plans", plans([MONDAY]), MONDAY)
    store.put("portfolio_values", portfolio([MONDAY, TUESDAY]), MONDAY, TUESDAY)
    with pytest.raises(LedgerConflictError, match=r"sessions up to 2005-01-11"):
        store.put("trade_plans", plans([MONDAY], quantity=9), MONDAY)


def test_empty_tail_is_refused_where_plans_were(store) -> None:
    store.put("trade_plans", plans([FRIDAY, MONDAY]), FRIDAY, MONDAY)
    with pytest.raises(
        SliceError, match=r"trade_plans 2005-01-10: the new frame is empty and would replace 1 rows"
    ):
        store.put("trade_plans", plans([MONDAY]).clear(), MONDAY)
    assert store.rows("SELECT count(*) FROM trade_plans") == [(2,)]


def test_tail_of_one_scenario_leaves_the_other(store) -> None:
    store.put(
        "trade_plans", plans([MONDAY, TUESDAY], scenario_id="bold"), MONDAY, TUESDAY, scenario_id="bold"
    )
    store.put("trade_plans", plans([FRIDAY]), FRIDAY)
    store.put("trade_plans", plans([FRIDAY], quantity=9), FRIDAY)
    assert store.rows("SELECT scenario_id, session_date, quantity FROM trade_plans ORDER BY ALL") == [
        ("baseline", FRIDAY, 9),
        ("bold", MONDAY, 5),
        ("bold", TUESDAY, 5),
    ]


def test_ledger_of_an_asset_without_sessions_is_refused(store) -> None:
    with pytest.raises(
        SliceError, match="trade_plans is written by session; give the asset session partitions"
    ):
        store.put("trade_plans", plans([MONDAY]))
