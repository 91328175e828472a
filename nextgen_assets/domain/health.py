"""Did the rows of a session arrive, and are they fit for use? One verdict per component."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from nextgen_assets.domain.sessions import SessionCalendar

_MOMENT = pl.Datetime("us", "UTC")
HEALTH_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "component": pl.String,
    "session_date": pl.Date,
    "checked_at": _MOMENT,
    "status": pl.String,
    "last_success": _MOMENT,
    "last_failure": _MOMENT,
    "error_count": pl.Int32,
    "message": pl.String,
}
FACTS_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "session_date": pl.Date,
    "member_count": pl.Int64,
    "bar_count": pl.Int64,
    "article_count": pl.Int64,
    "scored_article_count": pl.Int64,
    "sessions_since_last_article": pl.Int64,
    "window_count": pl.Int64,
    "complete_window_count": pl.Int64,
    "champion_live_from": pl.Date,
    "prediction_count": pl.Int64,
    "abstained_count": pl.Int64,
    "matured_count": pl.Int64,
    "validated_count": pl.Int64,
    "ledger_event_count": pl.Int64,
    "unbalanced_event_count": pl.Int64,
    "minimum_cash_usd": pl.Float64,
    "quarantined_count": pl.Int64,
}


@dataclass(frozen=True)
class HealthThresholds:
    """Where a component stops being ok (warn) and stops being usable (fail).

    Parameters
    ----------
    *_share_* : float
        Fractions of what was expected.
    news_silence_*_sessions : int
        Sessions without any article for the universe.
    model_age_*_sessions : int
        Sessions since the live champion went live.
    quarantine_*_count : int
        Rows quarantined on the session.
    """

    bar_share_warn: float = 1.0
    bar_share_fail: float = 0.8
    scored_share_warn: float = 1.0
    scored_share_fail: float = 0.5
    news_silence_warn_sessions: int = 60
    news_silence_fail_sessions: int = 250
    window_share_warn: float = 0.95
    window_share_fail: float = 0.5
    model_age_warn_sessions: int = 45
    model_age_fail_sessions: int = 130
    abstained_share_warn: float = 0.3
    abstained_share_fail: float = 0.9
    validated_share_warn: float = 1.0
    validated_share_fail: float = 0.8
    quarantine_warn_count: int = 1
    quarantine_fail_count: int = 100


@dataclass(frozen=True)
class _Verdict:
    status: str
    error_count: int
    message: str


_Facts = dict[str, object]
_Check = Callable[[_Facts, HealthThresholds, SessionCalendar], _Verdict]


def assess(
    facts: pl.DataFrame,
    earlier_health: pl.DataFrame,
    sessions: list[date],
    calendar: SessionCalendar,
    delay_minutes: int,
    thresholds: HealthThresholds | None = None,
) -> pl.DataFrame:
    """Health of every component on every session.

    Parameters
    ----------
    facts : frame
        ``FACTS_SCHEMA``: one row per session of counts known by its cut-off; a null says that there
        was nothing to count. A column left out counts as null. validated_count and matured_count come
        from ``validation.validation_counts``; minimum_cash_usd is the lowest cash balance after any
        event of the session.
    earlier_health : frame
        [component, session_date, last_success, last_failure] of the table; rows in ``sessions`` or after
        the session assessed are passed over.

    Returns
    -------
    frame
        Columns of system_health less run_id, sorted by (component, session_date). checked_at is the
        cut-off of the session; last_success and last_failure are the cut-offs of the last session on
        which the component was ok, and on which it failed, null if never.

    Raises
    ------
    ValueError
        If a session has no facts, or more than one row of them.

    Notes
    -----
    Nothing here reads a clock: the age of a model is counted in sessions, and a component that had
    nothing to do is ok and says so.
    """
    thresholds = thresholds or HealthThresholds()
    wanted = sorted(set(sessions))
    by_session = _by_session(facts, wanted)
    seen = _memory(earlier_health, set(wanted))
    records = []
    for component, check in _CHECKS.items():
        history = seen.get(component, {})
        for session in wanted:
            verdict = check(by_session[session], thresholds, calendar)
            checked_at = calendar.cutoff(session, delay_minutes)
            before = [day for day in history if day < session]
            success, failure = history[max(before)] if before else (None, None)
            success = checked_at if verdict.status == "ok" else success
            failure = checked_at if verdict.status == "fail" else failure
            history[session] = (success, failure)
            outcome = (verdict.status, success, failure, verdict.error_count, verdict.message)
            records.append((component, session, checked_at, *outcome))
    return pl.DataFrame(records, schema=HEALTH_SCHEMA, orient="row").sort("component", "session_date")


def _by_session(facts: pl.DataFrame, sessions: list[date]) -> dict[date, _Facts]:
    found = facts.filter(pl.col("session_date").is_in(sessions))
    missing = sorted(set(sessions) - set(found["session_date"].to_list()))
    if missing or found.height != len(sessions):
        raise ValueError(
            f"system_health: {found.height} rows of facts for {len(sessions)} sessions, without "
            f"{', '.join(map(str, missing[:5])) or 'gaps but with repeats'}; pass one row per session"
        )
    given = {name: kind for name, kind in FACTS_SCHEMA.items() if name in found.columns}
    typed = found.select(pl.col(name).cast(kind) for name, kind in given.items())
    empty: _Facts = dict.fromkeys(FACTS_SCHEMA)
    return {row["session_date"]: empty | row for row in typed.iter_rows(named=True)}


def _memory(
    earlier: pl.DataFrame, sessions: set[date]
) -> dict[str, dict[date, tuple[datetime | None, datetime | None]]]:
    """Last success and failure by component and session, outside the sessions of this pass."""
    memory: dict[str, dict[date, tuple[datetime | None, datetime | None]]] = {}
    for row in earlier.iter_rows(named=True):
        if row["session_date"] not in sessions:
            stays = memory.setdefault(row["component"], {})
            stays[row["session_date"]] = (row["last_success"], row["last_failure"])
    return memory


def _number(facts: _Facts, name: str) -> int:
    value = facts[name]
    return value if isinstance(value, int) else 0


def _share_verdict(done: int, expected: int, warn: float, fail: float, message: str) -> _Verdict:
    """Low shares are bad: below ``fail`` it fails, below ``warn`` it warns."""
    share = done / expected
    status = "fail" if share < fail else "warn" if share < warn else "ok"
    return _Verdict(status, max(0, expected - done), f"{message} ({share:.0%})")


def _count_verdict(count: int, warn: int, fail: int, message: str) -> _Verdict:
    """High counts are bad: from ``fail`` it fails, from ``warn`` it warns."""
    status = "fail" if count >= fail else "warn" if count >= warn else "ok"
    return _Verdict(status, 0 if status == "ok" else count, message)


def _market_prices(facts: _Facts, limits: HealthThresholds, _: SessionCalendar) -> _Verdict:
    members, bars = _number(facts, "member_count"), _number(facts, "bar_count")
    if not members:
        return _Verdict("fail", 1, "the universe has no member, so no bar is expected; check ticker_universe")
    message = f"{bars} of {members} members of the universe have a bar"
    return _share_verdict(bars, members, limits.bar_share_warn, limits.bar_share_fail, message)


def _news(facts: _Facts, limits: HealthThresholds, _: SessionCalendar) -> _Verdict:
    articles, scored = _number(facts, "article_count"), _number(facts, "scored_article_count")
    if articles:
        message = f"{scored} of {articles} articles were scored"
        return _share_verdict(scored, articles, limits.scored_share_warn, limits.scored_share_fail, message)
    silence = facts["sessions_since_last_article"]
    if not isinstance(silence, int):
        return _Verdict("warn", 0, "no article has ever been admitted")
    warn, fail = limits.news_silence_warn_sessions, limits.news_silence_fail_sessions
    return _count_verdict(silence, warn, fail, f"no article; the last one was {silence} sessions ago")


def _feature_windows(facts: _Facts, limits: HealthThresholds, _: SessionCalendar) -> _Verdict:
    windows, complete = _number(facts, "window_count"), _number(facts, "complete_window_count")
    if not windows:
        return _Verdict("fail", 1, "no feature window ends on this session; materialize feature_windows")
    message = f"{complete} of {windows} windows are complete"
    return _share_verdict(complete, windows, limits.window_share_warn, limits.window_share_fail, message)


def _models(facts: _Facts, limits: HealthThresholds, calendar: SessionCalendar) -> _Verdict:
    live_from, session = facts["champion_live_from"], facts["session_date"]
    if not isinstance(live_from, date) or not isinstance(session, date):
        return _Verdict("warn", 0, "no champion is live yet; predictions abstain until one is")
    age = len(calendar.between(live_from, session)) - 1
    warn, fail = limits.model_age_warn_sessions, limits.model_age_fail_sessions
    return _count_verdict(
        age, warn, fail, f"the champion has been live for {age} sessions, since {live_from}"
    )


def _predictions(facts: _Facts, limits: HealthThresholds, _: SessionCalendar) -> _Verdict:
    made, abstained = _number(facts, "prediction_count"), _number(facts, "abstained_count")
    if not made:
        return _Verdict("fail", 1, "no prediction row, not even an abstention; materialize predictions")
    if facts["champion_live_from"] is None and abstained == made:
        return _Verdict("warn", 0, f"all {made} predictions abstained, as no champion is live yet")
    spoke = made - abstained
    warn, fail = 1 - limits.abstained_share_warn, 1 - limits.abstained_share_fail
    return _share_verdict(
        spoke, made, warn, fail, f"{spoke} of {made} predictions speak, {abstained} abstained"
    )


def _validation(facts: _Facts, limits: HealthThresholds, _: SessionCalendar) -> _Verdict:
    matured, validated = _number(facts, "matured_count"), _number(facts, "validated_count")
    if not matured:
        return _Verdict("ok", 0, "no prediction matured")
    message = f"{validated} of {matured} matured predictions found their price"
    return _share_verdict(
        validated, matured, limits.validated_share_warn, limits.validated_share_fail, message
    )


def _ledger(facts: _Facts, _: HealthThresholds, __: SessionCalendar) -> _Verdict:
    events, unbalanced = _number(facts, "ledger_event_count"), _number(facts, "unbalanced_event_count")
    cash = facts["minimum_cash_usd"]
    is_overdrawn = isinstance(cash, float) and cash < 0
    if unbalanced or is_overdrawn:
        balance = f"; cash fell to {cash:,.2f} US dollars" if is_overdrawn else ""
        message = f"{unbalanced} of {events} events do not sum to zero{balance}; stop and rebuild the ledger"
        return _Verdict("fail", unbalanced + int(is_overdrawn), message)
    return _Verdict("ok", 0, f"all {events} events sum to zero" if events else "no event")


def _quarantine(facts: _Facts, limits: HealthThresholds, _: SessionCalendar) -> _Verdict:
    count = _number(facts, "quarantined_count")
    return _count_verdict(
        count, limits.quarantine_warn_count, limits.quarantine_fail_count, f"{count} rows were quarantined"
    )


_CHECKS: dict[str, _Check] = {
    "feature_windows": _feature_windows,
    "ledger": _ledger,
    "market_prices": _market_prices,
    "models": _models,
    "news": _news,
    "predictions": _predictions,
    "quarantine": _quarantine,
    "validation": _validation,
}
