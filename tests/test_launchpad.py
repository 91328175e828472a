"""What the launchpad offers: a run without a word of config, and none that leads past the settings."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from nextgen_assets.definitions import build_definitions, defs
from nextgen_assets.orchestration.jobs import jobs
from nextgen_resources.settings.loader import load_settings
from tests.graph.harness import built

JOBS = sorted(job.name for job in jobs())


def leaves(value: Any) -> Iterator[Any]:
    """Everything in nested mappings that is no mapping."""
    if isinstance(value, dict):
        for each in value.values():
            yield from leaves(each)
    else:
        yield value


@pytest.mark.parametrize("name", JOBS)
def test_launchpad_of_every_job_has_nothing_to_fill_in(name: str) -> None:
    schema = defs.resolve_job_def(name).run_config_schema.run_config_schema_type
    for part, field in schema.fields.items():
        assert not field.is_required, f"{part} of {name} must be filled in"
        assert list(leaves(field.default_value)) == [], f"{part} of {name} shows {field.default_value}"


def test_password_of_a_lake_is_not_among_the_defaults_of_a_launchpad(tmp_path: Path) -> None:
    settings = load_settings(
        environ={"NEXTGEN__CREDENTIALS__LAKE_CATALOGUE": "host=127.0.0.1 password=canary-3141592653"},
        dotenv_path=Path(os.devnull),
        overrides={"paths.data_dir": str(tmp_path), "warehouse.kind": "lake"},
    )
    job = build_definitions(settings).resolve_job_def("daily_cycle")
    fields = job.run_config_schema.run_config_schema_type.fields
    shown = json.dumps({part: field.default_value for part, field in fields.items()})
    assert "canary" not in shown + dg.serialize_value(job.get_job_snapshot())


def test_config_of_a_run_cannot_lead_to_another_warehouse(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.duckdb"
    with built(tmp_path) as scenario:
        done = scenario.definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=scenario.instance,
            asset_selection=[dg.AssetKey("security_listings")],
            partition_key="2005-01-03",
            run_config={"resources": {"warehouse": {"config": {"database": str(elsewhere)}}}},
        )
        assert scenario.warehouse.scalar("SELECT count(*) FROM security_listings") > 0
    assert done.success
    assert not elsewhere.exists()
