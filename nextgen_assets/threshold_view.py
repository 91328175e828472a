"""The thresholds that dated rows override, as predictions and trading read them."""

from datetime import date

from nextgen_assets.domain.thresholds import Overrides
from nextgen_resources.settings.schema import Settings
from nextgen_resources.warehouse.warehouse import Warehouse


def read_overrides(warehouse: Warehouse, settings: Settings, last: date) -> Overrides:
    """The overrides that hold at some session up to ``last``.

    Notes
    -----
    As-of rule: a row was written before the first session that it holds for was decided.
    """
    rows = warehouse.read("overrides", scenario_id=settings.scenario_id, last=last)
    return Overrides(rows.select("effective_from", "threshold", "value").rows())
