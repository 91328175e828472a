"""What people decide about thresholds: dated, with a reason, for sessions that have not been decided yet."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import date, datetime

import polars as pl

from nextgen_assets.domain.thresholds import HUMILITY, Overrides, ThresholdError, refuse_unknown
from nextgen_assets.domain.trading.rules import TradingRulesError
from nextgen_assets.model_decisions import next_session
from nextgen_assets.partitions import calendar_of
from nextgen_assets.trading_view import trading_rules
from nextgen_resources.errors import NextGenError
from nextgen_resources.settings.schema import Settings
from nextgen_resources.warehouse.appending import append_rows
from nextgen_resources.warehouse.warehouse import Warehouse

RUN_ID = "command line"


class ThresholdDecisionError(NextGenError):
    """An override that cannot be: the message says what stands against it. Nothing was written."""


@dataclass(frozen=True)
class Override:
    """What a row of ``threshold_overrides`` says, but for its id and its clock."""

    scenario_id: str
    threshold: str
    value: float | None
    decided_after: date
    effective_from: date
    reason: str
    author: str

    @property
    def override_id(self) -> str:
        """Hash of what the row says."""
        text = json.dumps(asdict(self), default=str, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def override(
    warehouse: Warehouse,
    settings: Settings,
    threshold: str,
    value: float | None,
    *,
    reason: str,
    author: str,
    now: datetime,
    effective_from: date | None = None,
) -> Override:
    """Have ``threshold`` be ``value`` from a session on that nothing has been decided for; None: as the settings say.

    Raises
    ------
    ThresholdDecisionError
        If there is no such threshold, the value is outside its bounds or contradicts another rule, the session is not
        later than everything decided, is none of the exchange, or the reason or the author is empty.
    ModelDecisionError
        If there is neither a prediction nor a bar yet.
    StaleReadError
        If a session was decided in the meantime; decide again.
    """
    for name, text in (("reason", reason), ("author", author)):
        if not text.strip():
            raise ThresholdDecisionError(
                f"the {name} is empty; say it in words, it is kept with the decision"
            )
    mark = warehouse.mark("newest_decided_session", scenario_id=settings.scenario_id)
    earliest = next_session(warehouse, settings)
    calendar = calendar_of(settings)
    start = effective_from or earliest
    if start < earliest:
        raise ThresholdDecisionError(
            f"{threshold} was to change from {start}, but sessions up to {calendar.shift(earliest, -1)} have been decided "
            f"and stay as they are; expected {earliest} or a later session"
        )
    if not calendar.is_session(start):
        raise ThresholdDecisionError(
            f"{start} is no session of the exchange; the next one is {calendar.on_or_after(start)}"
        )
    try:
        refuse_unknown(threshold, value)
        if threshold in HUMILITY:
            Overrides([(start, threshold, value)]).rules_at(start, trading_rules(settings))
    except (ThresholdError, TradingRulesError) as error:
        raise ThresholdDecisionError(f"nothing was overridden: {error}") from error
    decided = Override(
        settings.scenario_id,
        threshold,
        value,
        calendar.shift(earliest, -1),
        start,
        reason.strip(),
        author.strip(),
    )
    row = {"override_id": decided.override_id, **asdict(decided), "created_at": now}
    kinds: dict[str, pl.DataType] = {"value": pl.Float64(), "created_at": pl.Datetime("us", "UTC")}
    frame = pl.DataFrame([row], schema_overrides=kinds)
    append_rows(warehouse, "threshold_overrides", frame, RUN_ID, now, (mark,))
    return decided
