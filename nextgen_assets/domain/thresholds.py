"""Thresholds that a dated row may override: which there are, within what bounds, and what holds at a session."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from nextgen_assets.domain.trading.rules import TradingRules

DISSIMILARITY = "prediction.maximum_dissimilarity"
HUMILITY: Mapping[str, str] = {
    "humility.worst_brier_skill": "worst_brier_skill",
    "humility.doubtful_scale": "doubtful_scale",
    "humility.min_return_to_width": "min_return_to_width",
}
"""Names of the thresholds of humility, and the trading rules that they stand for."""
BOUNDS: Mapping[str, tuple[float, float]] = {
    DISSIMILARITY: (0.1, 1_000.0),
    "humility.worst_brier_skill": (-10.0, 0.0),
    "humility.doubtful_scale": (0.0, 1.0),
    "humility.min_return_to_width": (0.0, 0.99),
}
"""Every threshold that can be overridden, with the lowest and highest value, both allowed."""


class ThresholdError(ValueError):
    """A threshold that cannot be overridden, or not by that value."""


def refuse_unknown(name: str, value: float | None) -> None:
    """Refuse a name that is not in ``BOUNDS`` or a value outside its bounds; None ends an override.

    Raises
    ------
    ThresholdError
        What was found and what is expected.
    """
    if name not in BOUNDS:
        raise ThresholdError(
            f"{name[:60]!r} is no threshold that can be overridden; expected one of {', '.join(BOUNDS)}"
        )
    low, high = BOUNDS[name]
    if value is not None and not low <= value <= high:
        raise ThresholdError(f"{name} = {value}; expected a number from {low} to {high}")


@dataclass(frozen=True)
class Overrides:
    """Dated overrides in the order in which they take effect; of one session, the one decided last holds.

    Parameters
    ----------
    rows : sequence of (effective_from, threshold, value or None)
        Ascending. None: from then on what the settings say.
    """

    rows: Sequence[tuple[date, str, float | None]] = field(default_factory=tuple)

    def value_at(self, name: str, session: date, stated: float | None) -> float | None:
        """The threshold at ``session``, ``stated`` where no override is in effect.

        Notes
        -----
        As-of rule: rows with ``effective_from`` up to the session, all of them written before it was decided.
        """
        given = [value for day, which, value in self.rows if which == name and day <= session]
        return stated if not given or given[-1] is None else given[-1]

    def rules_at(self, session: date, rules: TradingRules) -> TradingRules:
        """The trading rules at ``session``."""
        changed = {
            rule: self.value_at(name, session, getattr(rules, rule))
            for name, rule in HUMILITY.items()
            if any(which == name for _, which, _ in self.rows)
        }
        return replace(rules, **changed) if changed else rules  # type: ignore[arg-type]

    def parts(self, sessions: Sequence[date], names: Iterable[str]) -> list[list[date]]:
        """Consecutive parts of ``sessions`` in which none of these thresholds changes."""
        wanted = set(names)
        starts = {day for day, which, _ in self.rows if which in wanted}
        found: list[list[date]] = []
        for place, session in enumerate(sessions):
            begins = place == 0 or any(sessions[place - 1] < day <= session for day in starts)
            if begins:
                found.append([])
            found[-1].append(session)
        return found
