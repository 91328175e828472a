"""The stated repairs of one run: what the named rules correct of what the audit and the door found."""

from datetime import datetime

import dagster as dg
import polars as pl

from nextgen_assets.domain.audit.moves import Basis
from nextgen_assets.domain.repairs import propose_repairs
from nextgen_assets.domain.standing_repairs import (
    ACTION_REPAIR_SCHEMA,
    PRICE_REPAIR_SCHEMA,
    action_repairs,
    price_repairs,
    refused_in_unit,
)
from nextgen_resources.warehouse.repairing import write_repairs
from nextgen_resources.warehouse.warehouse import Warehouse


class RepairStep:
    """Collects proposals part by part and writes them at once; without rules it does nothing.

    Parameters
    ----------
    rules : tuple of str
        ``ingestion.repairs``.
    """

    def __init__(self, warehouse: Warehouse, rules: tuple[str, ...], basis: Basis) -> None:
        self._warehouse, self._rules, self._basis = warehouse, rules, basis
        self._bars = [pl.DataFrame(schema=PRICE_REPAIR_SCHEMA)]
        self._actions = [pl.DataFrame(schema=ACTION_REPAIR_SCHEMA)]

    def add(self, audited: pl.DataFrame, told: pl.DataFrame, first: object, last: object) -> None:
        """Take in the bars from before ``first`` to ``last`` and the findings that these sessions completed."""
        if not self._rules:
            return
        proposed = propose_repairs(audited, told, self._rules, dividend_basis=self._basis)
        self._bars.append(price_repairs(audited, proposed, told))
        self._actions.append(action_repairs(proposed, told))
        if "unit_switch" in self._rules:
            refused = self._warehouse.read("refused_units", first=str(first), last=str(last))
            self._bars.append(refused_in_unit(refused, audited))

    def write(self, context: dg.AssetExecutionContext, now: datetime) -> dict[str, int]:
        """Write what still fits; counts for the metadata, and an event on the page of each table that changed."""
        if not self._rules:
            return {}
        bars = pl.concat(self._bars).unique(["ticker", "session_date"], keep="none")
        actions = pl.concat(self._actions).unique(["ticker", "ex_date", "kind"], keep="none")
        done = write_repairs(self._warehouse, bars, actions, context.run.run_id, now)
        for table, count in (("market_prices", done.bars), ("corporate_actions", done.actions)):
            if count:
                text = f"{count} rows of {table} were repaired by stated rules; what was delivered is kept."
                context.log.warning(text)
                context.log_event(
                    dg.AssetObservation(dg.AssetKey(table), description=text, metadata={"repaired": count})
                )
        return {"repaired_bars": done.bars, "repaired_actions": done.actions}
