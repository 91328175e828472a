"""Two runs that rewrite a whole table at once: the later one works from what the earlier one wrote."""

from __future__ import annotations

import dagster as dg
import polars as pl
import pytest

from nextgen_resources.errors import StaleReadError
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
