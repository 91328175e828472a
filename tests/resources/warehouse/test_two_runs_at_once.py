"""Two runs that rewrite a whole table at once: the later one works from what the earlier one wrote."""

from __future__ import annotations

from datetime import date

import dagster as dg
import polars as pl
import pytest

from nextgen_resources.errors import StaleReadError
from nextgen_resources.warehouse.continuing import Continued
from nextgen_resources.warehouse.io_manager import WarehouseIOManager
from nextgen_resources.warehouse.slices import BasedOn
from nextgen_resources.warehouse.warehouse import Warehouse
from nextgen_resources.warehouse.writing import refuse_changed
from tests.resources.warehouse.table_rows import stays

READ = "SELECT * EXCLUDE (run_id) FROM ticker_universe ORDER BY ticker, valid_from"


def test_run_that_is_overtaken_is_tried_again_on_what_it_finds(warehouse: Warehouse) -> None:
    keeper = WarehouseIOManager(warehouse, "baseline")
    overtaken_by = [stays(["IBM"])]
    tries = []

    @dg.asset
    def ticker_universe() -> BasedOn:
        existing = warehouse.read(READ)
        tries.append(existing["ticker"].to_list())
        if overtaken_by:  # between the reading and the writing of the first try, another run writes
            with warehouse.transaction() as connection:
                connection.register("other", overtaken_by.pop())
                connection.execute(
                    "INSERT INTO ticker_universe BY NAME SELECT *, 'other' AS run_id FROM other"
                )
        kept = existing.filter(pl.col("ticker") != "AAPL")
        mine = stays(["AAPL"])
        return BasedOn(pl.concat([kept.select(mine.columns), mine]), existing)

    with dg.DagsterInstance.ephemeral() as instance:
        done = dg.materialize([ticker_universe], resources={"io_manager": keeper}, instance=instance)
    assert done.success
    assert tries == [[], ["IBM"]]
    assert warehouse.read(READ)["ticker"].to_list() == ["AAPL", "IBM"]


def test_run_that_continues_from_a_replaced_past_is_tried_again_on_the_new_one(warehouse: Warehouse) -> None:
    keeper = WarehouseIOManager(warehouse, "baseline")
    past = {"scenario_id": "baseline", "last": date(2005, 1, 3)}
    deposits = ["first", "second"]
    tries = []

    def deposit(name: str) -> None:
        with warehouse.transaction() as connection:
            connection.execute("DELETE FROM ledger_entries")
            connection.execute(
                "INSERT INTO ledger_entries VALUES (?, 'baseline', 'event', 'deposit', '2005-01-03', 0, 'cash', NULL, "
                "0, 100, 'other')",
                [name],
            )

    @dg.asset
    def ticker_universe() -> Continued:
        mark = warehouse.mark("ledger_mark", **past)
        tries.append(warehouse.read("SELECT entry_id FROM ledger_entries")["entry_id"].to_list())
        if deposits:  # after the reading, another run writes
            deposit(deposits.pop(0))
        return Continued({"ticker_universe": stays(["AAPL"])}, (mark,))

    with dg.DagsterInstance.ephemeral() as instance:
        done = dg.materialize([ticker_universe], resources={"io_manager": keeper}, instance=instance)
    assert done.success
    assert tries == [[], ["first"], ["second"]]
    assert warehouse.read(READ)["ticker"].to_list() == ["AAPL"]


def test_a_table_that_changed_since_it_was_read_is_not_replaced(warehouse: Warehouse) -> None:
    read = warehouse.read(READ)
    with warehouse.transaction() as connection:
        refuse_changed(connection, "ticker_universe", read)
        connection.register("other", stays(["IBM"]))
        connection.execute("INSERT INTO ticker_universe BY NAME SELECT *, 'other' AS run_id FROM other")
    with (
        warehouse.transaction() as connection,
        pytest.raises(StaleReadError, match=r"1 rows changed between"),
    ):
        refuse_changed(connection, "ticker_universe", read)
