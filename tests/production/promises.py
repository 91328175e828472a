"""What the README promises, looked at when the simulation has ended: each promise with what was found."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import dagster as dg
import polars as pl

from nextgen_assets.vital_signs import vital_signs
from nextgen_resources.alerts.outbox import Outbox
from tests.graph.futures import differences, report
from tests.graph.harness import Built
from tests.production.conductor import SAID, Diary
from tests.production.script import touched
from tests.production.vendor import Vendor

REVISED = "SELECT ticker, session_date FROM market_price_revisions WHERE session_date >= $first"
"""Of the sessions lived through: bars of the history before have another source, so theirs are revised, too."""


@dataclass(frozen=True)
class Finding:
    """One promise: what it says, whether it held, and the figures."""

    promise: str
    holds: bool
    found: str


@dataclass(frozen=True)
class Evidence:
    """What the promises are looked at in: the lived scenario, one built anew from its raw rows, and what was seen.

    Attributes
    ----------
    came : list of (headers, body)
        Every request to the receiver of alerts.
    now : datetime
        The end of the simulated time.
    """

    lived: Built
    rebuilt: Built
    instance: dg.DagsterInstance
    diary: Diary
    came: Sequence[tuple[dict[str, str], str]]
    vendor: Vendor
    now: datetime
    sessions: Sequence[date]

    @property
    def first(self) -> date:
        """The first session lived through."""
        return self.sessions[0]

    def rows(self, sql: str, **parameters: object) -> pl.DataFrame:
        """Rows of the lived warehouse."""
        return self.lived.warehouse.read(sql, **parameters)


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Every promise in turn."""
    for check in CHECKS:
        promise = " ".join((check.__doc__ or "").split())
        problems, figure = check(evidence)
        yield Finding(promise, not problems, "; ".join(problems)[:2_000] or figure)


Found = tuple[list[str], str]


def equals_rebuilding(evidence: Evidence) -> Found:
    """The warehouse equals one that was built in one range from the same knowledge, to the bit."""
    found = differences(evidence.lived, evidence.rebuilt, evidence.sessions[-1])
    return [report(found)] if found else [], "no table differs"


def no_run_is_stuck(evidence: Evidence) -> Found:
    """No run is left open, every killed one is marked failed, and the last morning's revisit succeeded."""
    ended = Counter(run.status.value for run in evidence.instance.get_runs())
    strange = set(ended) - {"SUCCESS", "FAILURE"}
    problems = [f"{ended}"] if strange else []
    revisits = evidence.instance.get_runs(dg.RunsFilter(job_name="revisit_recent"), limit=1)
    if any(run.status != dg.DagsterRunStatus.SUCCESS for run in revisits):
        problems.append("the last morning was calm, and its revisit failed")
    return problems, ", ".join(f"{count} {status}" for status, count in ended.items())


def each_session_once(evidence: Evidence) -> Found:
    """Each session was finished by exactly one run of the daily cycle, by schedule or catch-up."""
    finished: Counter[str] = Counter()
    kind = dg.DagsterEventType.ASSET_MATERIALIZATION
    key = dg.AssetKey("system_health")
    for record in evidence.instance.fetch_materializations(key, limit=10_000).records:
        assert record.event_type == kind
        finished[str(record.partition_key)] += 1
    expected = {day.isoformat(): 1 for day in evidence.sessions}
    wrong = {day: n for day, n in (finished | expected).items() if finished[day] != expected.get(day, 0)}
    return [f"times finished: {wrong}"] if wrong else [], f"{len(expected)} sessions, each once"


def ledgers_hold_each_row_once(evidence: Evidence) -> Found:
    """Every session has its prices, predictions and values once, and no id is there twice."""
    problems = []
    for table, key in (
        ("market_prices", "ticker, session_date"),
        ("predictions", "prediction_id"),
        ("portfolio_values", "session_date"),
        ("trades", "trade_id"),
        ("ledger_entries", "entry_id"),
    ):
        twice = evidence.rows(f"SELECT {key}, count(*) n FROM {table} GROUP BY ALL HAVING n > 1")
        problems += [f"{table}: {twice.height} keys twice"] if twice.height else []
        held = evidence.rows(
            f"SELECT DISTINCT session_date FROM {table} WHERE session_date >= $first", first=evidence.first
        )
        missing = sorted(set(evidence.sessions) - set(held["session_date"]))
        if table in ("market_prices", "predictions", "portfolio_values") and missing:
            problems.append(f"{table} lacks {missing}")
    count = evidence.lived.warehouse.scalar("SELECT count(*) FROM predictions")
    return problems, f"{count} predictions"


def books_balance(evidence: Evidence) -> Found:
    """The ledger reconciles: each event sums to zero, positions and cash are what its entries say."""
    open_events = evidence.rows("SELECT event_id FROM ledger_entries GROUP BY 1 HAVING sum(amount_usd) <> 0")
    cash = evidence.rows("""
        SELECT v.session_date, v.cash_usd, (SELECT sum(amount_usd) FROM ledger_entries e
               WHERE e.account = 'cash' AND e.session_date <= v.session_date) AS booked
        FROM portfolio_values v WHERE cash_usd <> booked""")
    held = evidence.rows("""
        WITH booked AS (SELECT ticker, sum(quantity) AS quantity FROM ledger_entries
                        WHERE ticker IS NOT NULL AND quantity <> 0 GROUP BY 1 HAVING sum(quantity) <> 0),
        shown AS (SELECT ticker, quantity FROM portfolio_holdings
                  WHERE session_date = (SELECT max(session_date) FROM portfolio_values))
        SELECT * FROM booked FULL JOIN shown USING (ticker) WHERE booked.quantity IS DISTINCT FROM shown.quantity""")
    wrong = (("open events", open_events), ("cash", cash), ("positions", held))
    problems = [f"{name}: {frame.rows()[:3]}" for name, frame in wrong if frame.height]
    return problems, f"{evidence.lived.warehouse.scalar('SELECT count(*) FROM ledger_entries')} entries"


def time_rules(evidence: Evidence) -> Found:
    """No prediction knew more than its cut-off, no trade filled on the session of its plan."""
    late = evidence.rows("SELECT prediction_id FROM predictions WHERE inputs_known_until > as_of")
    early = evidence.rows("SELECT trade_id FROM trades WHERE session_date <= plan_session_date")
    trained = evidence.rows("""
        SELECT p.prediction_id FROM predictions p JOIN model_registry m USING (model_id)
        WHERE m.labels_end_session >= p.session_date""")
    wrong = (("knew too much", late), ("filled too early", early), ("trained on its future", trained))
    problems = [f"{name}: {frame.height}" for name, frame in wrong if frame.height]
    filled = evidence.rows("SELECT trade_id FROM trades WHERE quantity > 0")
    stated = evidence.rows(
        "SELECT 1 FROM predictions WHERE NOT abstained AND session_date < $last", last=evidence.sessions[-1]
    )
    problems += ["nothing was traded, so nothing is shown"] if stated.height and not filled.height else []
    return problems, f"{filled.height} trades"


def said_stands(evidence: Evidence) -> Found:
    """What was said on the evening of each session stands unchanged at the end."""
    said = evidence.diary.said
    changed = [day for day, rows in said.items() if evidence.rows(SAID, day=day).rows() != rows]
    return [
        f"changed: {changed}"
    ] if changed else [], f"{sum(map(len, said.values()))} predictions of {len(said)} sessions"


def prices_are_the_vendors(evidence: Evidence) -> Found:
    """Every bar is what the vendor says in the end; what it said before is kept as a version, refused rows in quarantine."""
    first, last = evidence.first, evidence.sessions[-1]
    vendor, now = evidence.vendor, evidence.now
    columns = ["ticker", "session_date", "open", "high", "low", "close"]
    tickers = evidence.rows("SELECT DISTINCT ticker FROM market_prices")["ticker"].sort().to_list()
    said = pl.concat([vendor.bars(ticker, first, last, now) for ticker in tickers]).select(columns)
    held = evidence.rows(
        f"SELECT {', '.join(columns)} FROM market_prices WHERE session_date >= $first", first=first
    )
    differing = set(said.rows()) ^ set(held.rows())
    revised = set(evidence.rows(REVISED, first=first).rows())
    refused = evidence.rows("SELECT DISTINCT partition_key FROM quarantine WHERE asset = 'market_prices'")
    attended = {day for _, day in vendor.broken} - evidence.diary.unattended
    broken = {str(day) for day in attended} - set(refused["partition_key"])
    problems = [f"differ: {sorted(differing)[:4]}"] if differing else []
    unversioned = {bar for bar in vendor.corrected if bar[1] not in evidence.diary.unattended} - revised
    problems += [f"no version kept of {unversioned}"] if unversioned else []
    problems += (
        [f"versions without a correction: {revised - touched(vendor)}"] if revised - touched(vendor) else []
    )
    problems += [f"not in quarantine: {broken}"] if broken else []
    return problems, (
        f"{held.height} bars; {len(vendor.late)} late, {len(vendor.broken)} broken, {len(vendor.corrected)} corrected"
    )


def alerts_are_told_once(evidence: Evidence) -> Found:
    """Every event is told, under one id, signed; nothing waits and nothing is a dead letter."""
    outbox = Outbox(evidence.lived.settings.outbox_path)
    counts = outbox.counts()
    problems = [f"{counts}"] if counts["pending"] or counts["dead"] else []
    by_id = {headers["webhook-id"]: json.loads(body) for headers, body in evidence.came}
    if len(by_id) != counts["delivered"]:
        problems.append(f"{len(by_id)} ids came, {counts['delivered']} were delivered")
    told: Counter[tuple[str, str]] = Counter()
    for message in by_id.values():
        key = {"nextgen.prediction_issued": "prediction_id", "nextgen.trade_executed": "trade_id"}.get(
            message["type"]
        )
        told.update((message["type"], row[key]) for row in message["data"].get("rows", []) if key)
        if message["type"] == "nextgen.run_failed":
            told[message["type"], message["data"]["run_id"]] += 1
    problems += [f"told {n} times: {what}" for what, n in told.items() if n > 1][:5]
    live = evidence.rows("SELECT prediction_id AS id FROM predictions WHERE origin = 'live'")
    traded = evidence.rows(
        "SELECT trade_id AS id FROM trades WHERE session_date >= $first", first=evidence.first
    )
    failed = evidence.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
    due = {("nextgen.prediction_issued", text) for text in live["id"]}
    due |= {("nextgen.trade_executed", text) for text in traded["id"]}
    due |= {("nextgen.run_failed", run.run_id) for run in failed}
    if due - set(told):
        problems.append(f"{len(due - set(told))} never told, such as {sorted(due - set(told))[:3]}")
    kinds = Counter(message["type"].removeprefix("nextgen.") for message in by_id.values())
    return problems, f"{len(evidence.came)} requests, {len(by_id)} events: {dict(kinds)}"


def it_is_well(evidence: Evidence) -> Found:
    """Health at the end: every feed is there and no component fails."""
    signs = vital_signs(
        evidence.lived.warehouse,
        evidence.lived.settings,
        evidence.instance,
        evidence.now,
    )
    signs = [sign for sign in signs if not sign.subject.startswith("daemon.")]  # it has been stopped
    bad = [f"{sign.subject}: {sign.message}" for sign in signs if sign.level == "fail"]
    return bad, ", ".join(f"{level} {n}" for level, n in Counter(sign.level for sign in signs).items())


CHECKS: tuple[Callable[[Evidence], Found], ...] = (
    equals_rebuilding,
    no_run_is_stuck,
    each_session_once,
    ledgers_hold_each_row_once,
    books_balance,
    time_rules,
    said_stands,
    prices_are_the_vendors,
    alerts_are_told_once,
    it_is_well,
)
