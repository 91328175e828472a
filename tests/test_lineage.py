"""Column lineage names columns that exist, of assets that come earlier in the graph, and a run shows it."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from nextgen_assets.definitions import ASSET_MODULES, defs
from nextgen_assets.lineage import SOURCES, column_lineage
from nextgen_resources.warehouse.schema import tables_of_record
from tests.graph.harness import built

SOURCED_OUTSIDE = {"security_listings", "news_articles", "market_ticks", "intraday_prices"}
"""Assets whose columns come from a provider or a file, not from a column of another asset."""
BACK = {("predictions", "prediction_accuracy")}
"""Feedback reaches the next session through the warehouse, not through an edge of the graph."""


@pytest.mark.parametrize("asset", sorted(SOURCES))
def test_every_column_exists_and_every_source_is_upstream(asset: str) -> None:
    tables, graph = tables_of_record(), defs.resolve_asset_graph()
    upstream = {key.to_user_string() for key in graph.get_ancestor_asset_keys(dg.AssetKey(asset))}
    lineage = column_lineage(asset)
    assert lineage is not None
    for column, sources in lineage.deps_by_column.items():
        assert column in {each.name for each in tables[asset].columns}, f"{asset}.{column}"
        for source in sources:
            name = source.asset_key.to_user_string()
            assert source.column_name in {each.name for each in tables[name].columns}, (
                f"{name}.{source.column_name}"
            )
            assert name in upstream or (asset, name) in BACK, (
                f"{asset}.{column} comes from {name}, not upstream"
            )


def test_every_asset_made_of_others_says_where_its_columns_come_from() -> None:
    assert set(SOURCES) == {module.__name__.rpartition(".")[2] for module in ASSET_MODULES} - SOURCED_OUTSIDE


def test_run_leaves_the_lineage_where_the_ui_looks_for_it(tmp_path: Path) -> None:
    with built(tmp_path) as scenario:
        job = scenario.definitions.resolve_implicit_global_asset_job_def()
        chosen = [dg.AssetKey("security_listings"), dg.AssetKey("ticker_universe")]
        done = job.execute_in_process(
            instance=scenario.instance, asset_selection=chosen, partition_key="2005-01-03"
        )
        assert done.success
        event = scenario.instance.get_latest_materialization_event(dg.AssetKey("ticker_universe"))
    assert event is not None
    assert event.asset_materialization is not None
    shown = event.asset_materialization.metadata["dagster/column_lineage"].value
    assert shown.deps_by_column["security_id"] == [
        dg.TableColumnDep(asset_key="security_listings", column_name="security_id")
    ]
