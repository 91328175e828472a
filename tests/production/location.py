"""The code location of the simulation: the shipped graph over a vendor on this machine, under the simulated clock."""

import os

from nextgen_assets.definitions import build_definitions, warehouse_of
from nextgen_resources.http.policy import policy_at
from nextgen_resources.settings.loader import load_settings
from nextgen_resources.warehouse.io_manager import WarehouseIOManager
from tests.production.simulated_time import dagster_looks_at, simulated_clock
from tests.production.vendor import VENDOR, WebMarket

_clock, _settings = simulated_clock(), load_settings()
dagster_looks_at(_clock, is_daemon=False)
_http = policy_at(
    _settings.http, _settings.scenario_dir / "provider_calls.sqlite", _settings.scenario_id, None, _clock
)
defs = build_definitions(
    _settings,
    clock=_clock,
    http=_http,
    market_data=WebMarket(_http, os.environ[VENDOR]),
    io_manager=WarehouseIOManager(warehouse_of(_settings), _settings.scenario_id, _clock),
)
