"""What happened is found on the real instance and warehouse, told once, and told to nobody when it is old."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from nextgen_assets.commands.graph_run import RunFailedError
from nextgen_assets.orchestration.sensors import tell_receivers
from nextgen_resources.alerts.outbox import Outbox
from nextgen_resources.clock import FrozenClock
from tests.graph.harness import Built, built
from tests.resources.alerts.receivers import Receiver, listening
from tests.resources.alerts.test_delivery import SECRET

NOW = datetime(2013, 1, 10, 23, 0, tzinfo=UTC)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listening() as found:
        yield found


@pytest.fixture
def scenario(tmp_path: Path, receiver: Receiver) -> Iterator[Built]:
    overrides = {
        "ingestion.last_session": None,
        "alerts.receivers": {"ops": receiver.url},
        "alerts.private_hosts": ["127.0.0.1"],
        "credentials.webhook_signing_secret": SECRET,
        "ingestion.provider": "files",
        "ingestion.provider_options": {"path": str(tmp_path / "nowhere")},
    }
    with built(tmp_path, overrides) as found:
        yield found


def tick(scenario: Built, now: datetime = NOW, cursor: str | None = None) -> tuple[str, str | None]:
    """One evaluation: what the sensor says, and its cursor."""
    resources = {
        "warehouse": scenario.warehouse,
        "settings": scenario.settings,
        "clock": FrozenClock(now),
    }
    with dg.build_sensor_context(scenario.instance, cursor=cursor, resources=resources) as context:
        said = tell_receivers(context)
        assert isinstance(said, dg.SkipReason)
        return str(said.skip_message), context.cursor


def insert(scenario: Built, table: str, **values: Any) -> None:
    names, marks = ", ".join(values), ", ".join(f"${name}" for name in values)
    with scenario.warehouse.get_connection() as connection:
        connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", values)


def bar(scenario: Built, session: date) -> None:
    with scenario.warehouse.get_connection() as connection:
        known = datetime(session.year, session.month, session.day, 21, 5, tzinfo=UTC)
        described = connection.execute("DESCRIBE market_prices").fetchall()
        values = {
            "ticker": "AAPL", "session_date": session, "security_id": "AAPL", "known_at": known,
            "first_seen_at": known, "quality": "ok",
        }  # fmt: skip
        row = {}
        for name, kind, nullable, *_ in described:
            if name in values:
                row[name] = values[name]
            elif nullable == "NO":
                row[name] = (
                    100.0
                    if kind in ("DOUBLE", "BIGINT")
                    else False
                    if kind == "BOOLEAN"
                    else known
                    if "TIME" in kind
                    else "x"
                )
        names, marks = ", ".join(row), ", ".join(f"${name}" for name in row)
        connection.execute(f"INSERT INTO market_prices ({names}) VALUES ({marks})", row)


def trade(scenario: Built, session: date, plan_session: date) -> None:
    insert(
        scenario, "trades", trade_id=f"t-{session}", plan_id="p", scenario_id="baseline", ticker="AAPL",
        session_date=session, plan_session_date=plan_session, side="buy", quantity=3, price="10.5", gross_usd="31.5",
        commission_usd="1", slippage_usd="0", filled_at=NOW, status="filled", realized_pnl_usd="0", run_id="r",
    )  # fmt: skip


def kinds(receiver: Receiver) -> list[str]:
    return [json.loads(body)["type"] for _, body in receiver.came]


def test_trade_of_this_week_is_told_once_and_an_old_one_never(scenario: Built, receiver: Receiver) -> None:
    bar(scenario, date(2013, 1, 10))
    trade(scenario, date(2013, 1, 9), date(2013, 1, 8))
    trade(scenario, date(2012, 12, 5), date(2012, 12, 4))
    said, cursor = tick(scenario)
    assert said.startswith("1 new messages; 1 delivered")
    said, _ = tick(scenario, cursor=cursor)
    assert said.startswith("0 new messages; 0 delivered")
    told = json.loads(receiver.came[0][1])
    assert told["type"] == "nextgen.trade_executed"
    assert told["data"]["session_date"] == "2013-01-09"
    assert told["data"]["count"] == 1
    assert told["data"]["rows"][0] | {"filled_at": ""} == {
        "trade_id": "t-2013-01-09", "plan_id": "p", "ticker": "AAPL", "side": "buy", "quantity": 3,
        "price": "10.500000", "status": "filled", "reject_reason": None, "filled_at": "",
    }  # fmt: skip


def test_feed_that_stopped_is_told_only_after_its_budget(scenario: Built, receiver: Receiver) -> None:
    bar(scenario, date(2013, 1, 9))
    said, _ = tick(scenario, datetime(2013, 1, 11, 3, 29, tzinfo=UTC))
    assert said.startswith("0 new messages")
    said, _ = tick(scenario, datetime(2013, 1, 11, 3, 31, tzinfo=UTC))
    assert said.startswith("1 new messages; 1 delivered")
    data = json.loads(receiver.came[0][1])["data"]
    assert (data["expected_session"], data["newest_session"]) == ("2013-01-10", "2013-01-09")


def test_failed_run_is_told_with_its_step_and_no_message_of_the_error(
    scenario: Built, receiver: Receiver
) -> None:
    with pytest.raises(RunFailedError):
        scenario.run("prepare_inputs", date(2013, 1, 9), date(2013, 1, 10))
    tick(scenario)
    (told,) = [json.loads(body) for _, body in receiver.came if "run_failed" in body]
    assert told["data"]["failed_steps"]
    assert told["data"]["job"] == "prepare_inputs"


def test_event_whose_receiver_is_down_waits_and_says_so(scenario: Built, receiver: Receiver) -> None:
    receiver.answers = [500]
    bar(scenario, date(2013, 1, 10))
    trade(scenario, date(2013, 1, 9), date(2013, 1, 8))
    said, _ = tick(scenario)
    assert "0 delivered, 1 to be tried again" in said
    assert "1 wait" in said
    assert Outbox(scenario.settings.outbox_path).counts()["pending"] == 1


def test_without_receivers_nothing_is_looked_at(tmp_path: Path) -> None:
    with built(tmp_path) as scenario:
        said, _ = tick(scenario)
        assert said == "alerts.receivers names nobody to tell"
        assert not scenario.settings.outbox_path.exists()


def test_secret_is_in_no_message_and_no_file_of_the_outbox(scenario: Built, receiver: Receiver) -> None:
    bar(scenario, date(2013, 1, 10))
    trade(scenario, date(2013, 1, 9), date(2013, 1, 8))
    said, _ = tick(scenario)
    secret = SECRET.removeprefix("whsec_")
    assert secret not in said
    assert all(secret not in body and secret not in str(headers) for headers, body in receiver.came)
    for file in scenario.settings.scenario_dir.glob("alerts*"):
        assert secret.encode() not in file.read_bytes()
    assert kinds(receiver) == ["nextgen.trade_executed"]
