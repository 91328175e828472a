"""Asset checks: one SQL file under ``sql/checks/<asset>`` each; it returns the rows that break the rule."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from nextgen_assets.markdown import markdown_table
from nextgen_assets.partitions import requested_bounds
from nextgen_resources.warehouse.warehouse import PROJECT_ROOT, Warehouse

CHECKS_DIR = PROJECT_ROOT / "sql" / "checks"
_SAMPLE_ROWS = 5


@dataclass(frozen=True)
class Rule:
    """A rule about the meaning of a table.

    Attributes
    ----------
    sql : str
        Returns the offending rows between ``$first`` and ``$last``; none means the rule holds.
    is_blocking : bool
        Whether a breach stops everything downstream.
    """

    asset: str
    name: str
    description: str
    sql: str
    is_blocking: bool


def read_rule(path: Path) -> Rule:
    """The rule in one file: ``-- blocking`` or ``-- warning: what must hold`` on the first line."""
    sql = path.read_text(encoding="utf-8")
    kind, _, description = sql.splitlines()[0].removeprefix("--").strip().partition(":")
    if kind not in {"blocking", "warning"} or not description.strip():
        raise ValueError(f"{path.name}: the first line must be '-- blocking: rule' or '-- warning: rule'")
    rule = description.strip()
    return Rule(path.parent.name, path.stem, f"{rule[0].upper()}{rule[1:]}.", sql, kind == "blocking")


def asset_checks() -> list[dg.AssetChecksDefinition]:
    """A Dagster check for every rule on file."""
    return [_check(read_rule(path)) for path in sorted(CHECKS_DIR.glob("*/*.sql"))]


def _check(rule: Rule) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=rule.asset, name=rule.name, description=rule.description, blocking=rule.is_blocking)
    def check(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
        first, last = requested_bounds(context)
        breaches = warehouse.read(rule.sql, first=first, last=last)
        metadata: dict[str, Any] = {
            "rows_in_breach": breaches.height,
            "first_partition": str(first),
            "last_partition": str(last),
        }
        if breaches.height:
            metadata["sample"] = dg.MetadataValue.md(markdown_table(breaches.head(_SAMPLE_ROWS)))
        return dg.AssetCheckResult(
            passed=breaches.is_empty(),
            severity=dg.AssetCheckSeverity.ERROR if rule.is_blocking else dg.AssetCheckSeverity.WARN,
            metadata=metadata,
        )

    return check
