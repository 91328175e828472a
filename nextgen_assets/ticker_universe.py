"""Which securities can be predicted and traded on each session."""

import dagster as dg
import polars as pl

from nextgen_assets.metadata import record
from nextgen_assets.partitions import requested_sessions
from nextgen_assets.policies import session_asset
from nextgen_resources.timing import Stopwatch
from nextgen_resources.warehouse.slices import BasedOn
from nextgen_resources.warehouse.warehouse import Warehouse


@session_asset(group="ingestion", kinds={"duckdb", "polars"}, deps=["security_listings", "market_prices"])
def ticker_universe(context: dg.AssetExecutionContext, warehouse: Warehouse) -> BasedOn:
    """One row per stay of a security in the universe.

    Key: ticker, valid_from. Source: security_listings. Cadence: each session. Every listed security is in.
    """
    watch = Stopwatch()
    requested_sessions(context)
    with watch.measure("read"), warehouse.snapshot():
        existing = warehouse.read("stays")
        stays = warehouse.read("listings")
    members = stays.filter(pl.col("valid_to").is_null()).height
    record(context, watch, stays, None, figures={"members": members})
    return BasedOn(stays, existing)
