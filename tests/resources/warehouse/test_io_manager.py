"""The IO manager in real runs: partition, range and whole table; three libraries; nothing half-written."""

from datetime import UTC, date, datetime

import dagster as dg
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from nextgen_resources.clock import FrozenClock
from nextgen_resources.errors import LedgerConflictError, PartitionKeyError, SliceError
from nextgen_resources.warehouse.io_manager import WarehouseIOManager, as_polars, validated_key
from tests.resources.warehouse.table_rows import (
    bars,
    cutoff,
    day,
    holdings,
    plans,
    portfolio,
    priorities,
    stays,
)

FRIDAY, MONDAY, TUESDAY = "2005-01-07", "2005-01-10", "2005-01-11"
SESSIONS = dg.TimeWindowPartitionsDefinition(
    cron_schedule="0 0 * * *",
    start=datetime(2005, 1, 3),  # noqa: DTZ001 (the definition adds the zone)
    end=datetime(2005, 3, 1),  # noqa: DTZ001
    fmt="%Y-%m-%d",
    timezone="America/New_York",
    exclusions=["0 0 * * 6", "0 0 * * 0", datetime(2005, 1, 17), datetime(2005, 2, 21)],  # noqa: DTZ001
)
MONTHS = dg.TimeWindowPartitionsDefinition(
    cron_schedule="0 0 1 * *",
    start=datetime(2005, 1, 1),  # noqa: DTZ001
    end=datetime(2005, 3, 1),  # noqa: DTZ001
    fmt="%Y-%m-%d",
    timezone="America/New_York",
)
LEARNED_AT = datetime(2005, 3, 1, 12, tzinfo=UTC)
HOSTILE_KEYS = {
    "sql": "'; DROP TABLE strategic_priorities; --",
    "path": "../x",
    "no such day": "2005-02-30",
    "very long": "9" * 5000,
    "other digits": "２００５-01-07",
    "line break": "2005-01-07\n",
    "empty": "",
}


@pytest.fixture
def io_manager(warehouse) -> WarehouseIOManager:
    return WarehouseIOManager(warehouse, "baseline", FrozenClock(LEARNED_AT))


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


def owner_of(table: str, build, partitions=SESSIONS) -> dg.AssetsDefinition:
    """An asset named like its table, that returns what ``build(session_dates)`` makes."""

    @dg.asset(name=table, partitions_def=partitions, backfill_policy=dg.BackfillPolicy.single_run())
    def owner(context: dg.AssetExecutionContext):
        return build([day(key) for key in context.partition_keys])

    return owner


@pytest.fixture
def run(io_manager, instance):
    """Materialise assets for a session, a range of sessions or (without keys) as a whole."""

    def materialize(*assets, first: str | None = None, last: str | None = None, selection=None):
        tags = {}
        if last is not None:
            tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
        return dg.materialize(
            list(assets),
            partition_key=first if last is None else None,
            resources={"io_manager": io_manager},
            instance=instance,
            tags=tags,
            selection=selection,
        )

    return materialize


def test_partition_writes_its_session_and_says_how_many_rows(run, warehouse) -> None:
    result = run(owner_of("strategic_priorities", priorities), first=MONDAY)
    stored = warehouse.read("SELECT * FROM strategic_priorities ORDER BY ALL")
    assert stored["session_date"].to_list() == [day(MONDAY)] * 2
    assert stored["run_id"].unique().to_list() == [result.run_id]
    (event,) = result.asset_materializations_for_node("strategic_priorities")
    assert event.metadata["rows_written"].value == 2
    assert event.metadata["write_seconds"].value > 0


def test_range_over_a_weekend_and_a_holiday_is_one_slice(run, warehouse, instance) -> None:
    run(owner_of("strategic_priorities", priorities), first="2005-01-13", last="2005-01-19")
    found = warehouse.read("SELECT DISTINCT session_date FROM strategic_priorities ORDER BY ALL")
    expected = ["2005-01-13", "2005-01-14", "2005-01-18", "2005-01-19"]
    assert [str(key) for key in found["session_date"]] == expected
    assert sorted(instance.get_materialized_partitions(dg.AssetKey("strategic_priorities"))) == expected


def test_friday_is_one_day_and_not_the_weekend(run) -> None:
    late = owner_of("strategic_priorities", lambda days: priorities([date(2005, 1, 8)]))
    with pytest.raises(SliceError, match=r"strategic_priorities 2005-01-07: 2 rows lie outside .*2005-01-08"):
        run(late, first=FRIDAY)


def test_month_is_the_slice_of_a_monthly_asset(run, warehouse) -> None:
    inside = owner_of("strategic_priorities", lambda days: priorities([date(2005, 2, 28)]), MONTHS)
    run(inside, first="2005-02-01")
    assert warehouse.scalar("SELECT count(*) FROM strategic_priorities") == 2
    outside = owner_of("strategic_priorities", lambda days: priorities([date(2005, 3, 1)]), MONTHS)
    with pytest.raises(
        SliceError, match=r"strategic_priorities 2005-02-01\.\.2005-02-28: 2 rows lie outside"
    ):
        run(outside, first="2005-02-01")


def test_whole_table_needs_no_partition(run, warehouse) -> None:
    @dg.asset
    def ticker_universe() -> pl.DataFrame:
        return stays(["AAPL", "IBM"])

    run(ticker_universe)
    assert warehouse.scalar("SELECT count(*) FROM ticker_universe") == 2


@pytest.mark.parametrize(
    ("library", "convert"),
    [
        (pl.DataFrame, lambda frame: frame),
        (pl.LazyFrame, lambda frame: frame.lazy()),
        (pa.Table, lambda frame: frame.to_arrow()),
        (pd.DataFrame, lambda frame: frame.to_pandas()),
    ],
    ids=["polars", "lazy polars", "arrow", "pandas"],
)
def test_frames_of_every_library_go_in_and_come_out_by_annotation(run, warehouse, library, convert) -> None:
    seen = []

    @dg.asset(partitions_def=SESSIONS)
    def strategic_priorities() -> library:
        return convert(priorities([day(MONDAY)]))

    @dg.asset(partitions_def=SESSIONS)
    def reader(strategic_priorities: library) -> None:
        seen.append(strategic_priorities)

    run(strategic_priorities, reader, first=MONDAY)
    assert isinstance(seen[0], library)
    returned = prepared_again(seen[0])
    expected = warehouse.read("SELECT * FROM strategic_priorities ORDER BY ALL")
    assert returned.drop("as_of").equals(expected.drop("as_of"))
    assert (
        returned["as_of"].cast(pl.Int64).to_list() == [int(cutoff(day(MONDAY)).timestamp() * 1_000_000)] * 2
    )


def prepared_again(frame) -> pl.DataFrame:
    polars = as_polars("strategic_priorities", frame)
    return polars.with_columns(
        pl.col("session_date").cast(pl.Date), pl.col("as_of").cast(pl.Datetime("us", "UTC"))
    )


def test_what_pandas_reads_it_can_write_back(run, warehouse) -> None:
    run(owner_of("strategic_priorities", priorities), first=MONDAY)
    again = warehouse.read("SELECT * EXCLUDE (run_id) FROM strategic_priorities").to_pandas()
    run(owner_of("strategic_priorities", lambda days: again), first=MONDAY)
    assert warehouse.scalar("SELECT count(*) FROM strategic_priorities") == 2


def test_input_is_polars_without_an_annotation_and_only_the_sessions_of_the_run(run) -> None:
    seen = []

    @dg.asset(partitions_def=SESSIONS, backfill_policy=dg.BackfillPolicy.single_run())
    def reader(strategic_priorities):
        seen.append(strategic_priorities)
        return dg.MaterializeResult()

    upstream = owner_of("strategic_priorities", priorities)
    run(upstream, first="2005-01-03", last="2005-01-31")
    run(upstream, reader, first=FRIDAY, last=TUESDAY, selection=["reader"])
    assert isinstance(seen[0], pl.DataFrame)
    assert seen[0]["session_date"].unique().sort().to_list() == [day(FRIDAY), day(MONDAY), day(TUESDAY)]
    assert seen[0]["as_of"].dtype == pl.Datetime("us", "UTC")


def test_input_of_an_unpartitioned_asset_is_the_whole_table(run) -> None:
    seen = []

    @dg.asset
    def reader(strategic_priorities: pl.DataFrame):
        seen.append(strategic_priorities.height)
        return dg.MaterializeResult()

    upstream = owner_of("strategic_priorities", priorities)
    run(upstream, first=FRIDAY, last=TUESDAY)
    run(upstream, reader, selection=["reader"])
    assert seen == [6]


def test_input_before_the_first_upstream_partition_is_empty(run) -> None:
    seen = []
    before = dg.TimeWindowPartitionMapping(
        start_offset=-1, end_offset=-1, allow_nonexistent_upstream_partitions=True
    )

    @dg.asset(partitions_def=SESSIONS, ins={"strategic_priorities": dg.AssetIn(partition_mapping=before)})
    def reader(strategic_priorities: pl.DataFrame):
        seen.append((strategic_priorities.height, strategic_priorities.columns[:2]))
        return dg.MaterializeResult()

    upstream = owner_of("strategic_priorities", priorities)
    run(upstream, first="2005-01-03")
    run(upstream, reader, first="2005-01-03", selection=["reader"])
    run(upstream, reader, first="2005-01-04", selection=["reader"])
    assert seen == [(0, ["ticker", "session_date"]), (2, ["ticker", "session_date"])]


def test_input_from_a_table_of_scenarios_is_that_of_this_scenario(run, warehouse, instance) -> None:
    seen = []

    @dg.asset(partitions_def=SESSIONS, backfill_policy=dg.BackfillPolicy.single_run())
    def reader(trade_plans: pl.DataFrame):
        seen.append(trade_plans["scenario_id"].to_list())
        return dg.MaterializeResult()

    bold = owner_of("trade_plans", lambda days: plans(days, scenario_id="bold"))
    dg.materialize(
        [bold],
        partition_key=MONDAY,
        resources={"io_manager": WarehouseIOManager(warehouse, "bold")},
        instance=instance,
    )
    run(owner_of("trade_plans", plans), reader, first=MONDAY)
    assert seen == [["baseline"]]
    assert warehouse.scalar("SELECT count(*) FROM trade_plans") == 2


# --- what is refused leaves the old rows


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda frame: frame.drop("score"), r"lacks the columns \['score'\]"),
        (
            lambda frame: frame.with_columns(colour=pl.lit("red")),
            r"columns \['colour'\] that the table lacks",
        ),
        (lambda frame: frame.with_columns(score=pl.lit("high")), "column score is String, expected DOUBLE"),
        (lambda frame: frame.with_columns(score=pl.lit(None, pl.Float64)), r"nulls in columns .*'score': 2"),
        (lambda frame: pl.concat([frame, frame]), "4 rows share a key"),
        (lambda frame: frame.clear(), "empty and would replace 2 rows"),
        (lambda frame: frame.with_columns(session_date=day(TUESDAY)), "2 rows lie outside the slice"),
        (lambda frame: frame.with_columns(score=pl.lit(1.5)), "break a rule of the table.*CHECK"),
        (lambda frame: frame.with_columns(factors=pl.lit("{not json")), "break a rule of the table.*JSON"),
        (lambda frame: frame["score"], "expected a Polars, Arrow or pandas table, found Series"),
        (lambda frame: {"predictions": frame}, r"returned frames for \['predictions'\]; it owns"),
        (lambda frame: {}, r"one for strategic_priorities itself must be among them"),
    ],
    ids=[
        "missing column",
        "unknown column",
        "wrong type",
        "nulls",
        "doubled keys",
        "empty",
        "outside",
        "check constraint",
        "malformed json",
        "no table",
        "table of another asset",
        "no frame",
    ],
)
def test_refused_frame_leaves_the_old_rows_and_names_table_and_slice(run, warehouse, spoil, told) -> None:
    run(owner_of("strategic_priorities", priorities), first=MONDAY)
    before = warehouse.read("SELECT * FROM strategic_priorities ORDER BY ALL")
    with pytest.raises(SliceError, match=rf"(?s)strategic_priorities.*{told}|{told}"):
        run(owner_of("strategic_priorities", lambda days: spoil(priorities(days))), first=MONDAY)
    assert warehouse.read("SELECT * FROM strategic_priorities ORDER BY ALL").equals(before)


def test_changed_column_order_is_harmless(run, warehouse) -> None:
    reordered = owner_of("market_prices", lambda days: bars(days).select(sorted(bars(days).columns)))
    run(reordered, first=MONDAY)
    assert warehouse.read("SELECT DISTINCT open, high, low, close FROM market_prices").rows() == [
        (10.0, 12.0, 9.0, 11.0)
    ]


@pytest.mark.parametrize("key", HOSTILE_KEYS.values(), ids=HOSTILE_KEYS)
def test_hostile_key_is_no_day(key) -> None:
    with pytest.raises(PartitionKeyError, match=r"(?s)partition key .* is not a .*name a session") as refusal:
        validated_key(key)
    assert len(str(refusal.value)) < 250


@pytest.mark.parametrize("kind", ["sql", "path", "no such day", "very long", "other digits"])
def test_hostile_key_of_a_run_reaches_no_table(io_manager, warehouse, kind) -> None:
    key = HOSTILE_KEYS[kind]
    with warehouse.transaction() as connection:
        connection.register("rows", priorities([day(MONDAY)], run_id="old"))
        connection.execute("INSERT INTO strategic_priorities BY NAME SELECT * FROM rows")
    context = dg.build_output_context(
        asset_key="strategic_priorities",
        partition_key=key,
        asset_partitions_def=dg.StaticPartitionsDefinition([key]),
        run_id="run-1",
    )
    with pytest.raises(PartitionKeyError):
        io_manager.handle_output(context, priorities([day(MONDAY)], score=0.9))
    reading = dg.build_input_context(
        asset_key="strategic_priorities",
        partition_key=key,
        asset_partitions_def=dg.StaticPartitionsDefinition([key]),
        dagster_type=dg.DagsterType(lambda context, value: True, "anything", typing_type=pl.DataFrame),
    )
    with pytest.raises(PartitionKeyError):
        io_manager.load_input(reading)
    assert warehouse.read("SELECT DISTINCT run_id FROM strategic_priorities").rows() == [("old",)]


def test_input_that_is_no_table_is_refused_with_the_tables_there_are(io_manager) -> None:
    with pytest.raises(SliceError, match=r"rumours is not a table of the warehouse; it has .*market_prices"):
        io_manager.load_input(dg.build_input_context(asset_key="rumours"))


# --- several tables of one asset


def test_tables_of_one_asset_are_written_together(run, warehouse) -> None:
    both = owner_of(
        "portfolio_holdings",
        lambda days: {"portfolio_values": portfolio(days), "portfolio_holdings": holdings(days)},
    )
    result = run(both, first=MONDAY)
    assert warehouse.scalar("SELECT count(*) FROM portfolio_values") == 1
    assert warehouse.scalar("SELECT count(*) FROM portfolio_holdings") == 1
    (event,) = result.asset_materializations_for_node("portfolio_holdings")
    assert event.metadata["rows_written"].value == 2


def test_bad_second_table_takes_the_first_one_back(run, warehouse) -> None:
    def build(days, close=11.0):
        return {
            "portfolio_values": portfolio(days, cash_usd=7),
            "portfolio_holdings": holdings(days, close=close),
        }

    run(owner_of("portfolio_holdings", build), first=MONDAY)
    for spoiled in (-1.0, float("nan")):  # refused by the table, refused before it
        with pytest.raises(SliceError, match=r"portfolio_holdings 2005-01-10: "):
            run(
                owner_of(
                    "portfolio_holdings",
                    lambda days, bad=spoiled: build(days, bad) | {"portfolio_values": portfolio(days)},
                ),
                first=MONDAY,
            )
        assert warehouse.scalar("SELECT CAST(cash_usd AS INTEGER) FROM portfolio_values") == 7
        assert warehouse.scalar("SELECT close FROM portfolio_holdings") == 11.0


# --- ledgers and revisions through a run


def test_corrected_bar_moves_the_old_version_to_the_revisions(run, warehouse) -> None:
    run(owner_of("market_prices", bars), first=MONDAY)
    run(owner_of("market_prices", lambda days: bars(days, close=11.5)), first=MONDAY)
    result = run(owner_of("market_prices", lambda days: bars(days, close=11.5)), first=MONDAY)
    (event,) = result.asset_materializations_for_node("market_prices")
    assert event.metadata["rows_written"].value == 0
    assert warehouse.read("SELECT DISTINCT close, superseded_at FROM market_price_revisions").rows() == [
        (11.0, LEARNED_AT)
    ]
    as_of = "SELECT DISTINCT close FROM market_prices_as_of($moment)"
    assert warehouse.scalar(as_of, moment=cutoff(day(MONDAY))) == 11.0
    assert warehouse.scalar(as_of, moment=LEARNED_AT) == 11.5


def test_ledger_is_replaced_to_its_end_or_refused(run, warehouse) -> None:
    run(owner_of("trade_plans", plans), first=FRIDAY, last=TUESDAY)
    changed = owner_of("trade_plans", lambda days: plans(days, quantity=9))
    with pytest.raises(
        LedgerConflictError, match=r"trade_plans 2005-01-10: .*2005-01-10\.\.2005-01-11 in one run"
    ):
        run(changed, first=MONDAY)
    run(changed, first=MONDAY, last=TUESDAY)
    stored = warehouse.read("SELECT session_date, quantity FROM trade_plans ORDER BY ALL")
    assert stored.rows() == [(day(FRIDAY), 5), (day(MONDAY), 9), (day(TUESDAY), 9)]
