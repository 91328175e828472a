"""What the UI shows of every asset before anything has run."""

from __future__ import annotations

import inspect

import dagster as dg
import pytest

from nextgen_assets import definitions
from nextgen_assets.definitions import ASSET_MODULES, defs
from nextgen_assets.partitions import CUTOFFS, SESSIONS
from nextgen_resources.warehouse.schema import tables_of_record
from nextgen_resources.warehouse.tables import tables_of

GRAPH = defs.resolve_asset_graph()
NAMES = [module.__name__.rpartition(".")[2] for module in ASSET_MODULES]
GROUPS = {"ingestion", "features", "models", "predictions", "feedback", "trading", "operations", "intraday"}


def node(name: str) -> dg.AssetSpec:
    (spec,) = [spec for spec in defs.resolve_all_asset_specs() if spec.key == dg.AssetKey(name)]
    return spec


def test_graph_has_the_assets_of_the_modules_and_no_other() -> None:
    assert {key.to_user_string() for key in GRAPH.get_all_asset_keys()} == set(NAMES)
    assert len(NAMES) == 26


@pytest.mark.parametrize("name", NAMES)
def test_asset_is_described_owned_grouped_and_of_a_kind(name: str) -> None:
    spec = node(name)
    assert spec.description
    for said in ("row", "Key", "Source", "Cadence"):
        assert said in spec.description, said
    assert spec.owners == ["team:nextgen"]
    assert spec.group_name in GROUPS
    assert "duckdb" in spec.kinds
    assert len(spec.kinds) >= 2


@pytest.mark.parametrize("name", NAMES)
def test_column_schema_is_that_of_the_migrated_table(name: str) -> None:
    shown = node(name).metadata["dagster/column_schema"].columns
    table = tables_of_record()[name]
    assert [(column.name, column.type, column.description) for column in shown] == [
        (column.name, column.sql_type, column.comment) for column in table.columns
    ]
    assert [column.constraints.nullable for column in shown] == [
        column.is_nullable for column in table.columns
    ]
    assert node(name).metadata["dagster/table_name"] == f"main.{name}"
    owned = node(name).metadata["tables"].value
    assert set(str(owned).split(", ")) == {spec.name for spec in tables_of(name)}


@pytest.mark.parametrize("name", NAMES)
def test_asset_takes_any_range_in_one_run_and_has_a_check(name: str) -> None:
    asset = GRAPH.get(dg.AssetKey(name))
    assert asset.backfill_policy == dg.BackfillPolicy.single_run()
    assert asset.partitions_def == (CUTOFFS if name == "model_registry" else SESSIONS)
    checks = [key for key in GRAPH.asset_check_keys if key.asset_key == dg.AssetKey(name)]
    assert checks
    for key in checks:
        assert GRAPH.get(key).description


def test_checks_that_stop_what_is_downstream_stand_on_every_stage() -> None:
    blocking = {key.asset_key.to_user_string() for key in GRAPH.asset_check_keys if GRAPH.get(key).blocking}
    assert blocking == set(NAMES) - {"system_health"}


def test_every_module_says_what_it_is_about() -> None:
    for module in ASSET_MODULES:
        assert inspect.getdoc(module), module.__name__


def test_resources_are_replaced_by_name() -> None:
    replaced = definitions.build_definitions(market_data="mine")
    assert replaced.resources is not None
    assert replaced.resources["market_data"] == "mine"
