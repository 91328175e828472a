"""Webhooks: signed, to stated receivers only, at least once, given up after the last attempt."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from nextgen_resources.alerts.delivery import Dispatcher
from nextgen_resources.alerts.messages import KINDS, Message
from nextgen_resources.alerts.outbox import Outbox
from nextgen_resources.clock import SystemClock
from nextgen_resources.errors import SettingsError
from nextgen_resources.settings.alert_section import AlertSettings
from tests.resources.alerts.receivers import listening

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass
class Hands:
    """A clock that is moved by hand."""

    instant: datetime

    def now(self) -> datetime:
        return self.instant


def settings(url: str, **changes: Any) -> AlertSettings:
    values = {
        "receivers": {"ops": url},
        "kinds": [],
        "private_hosts": ["127.0.0.1"],
        "timeout_seconds": 5.0,
        "attempts": 3,
        "backoff_seconds": 4.0,
        "longest_wait_seconds": 100.0,
    }
    return AlertSettings.model_validate(values | changes)


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    box = Outbox(tmp_path / "alerts.sqlite")
    now = SystemClock().now()
    box.put(
        [Message("run_failed", "baseline", f"run-{n}", now, {"n": n}) for n in range(3)], {"ops": KINDS}, now
    )
    return box


def test_receiver_can_verify_what_it_got(outbox: Outbox) -> None:
    with listening() as receiver:
        done = Dispatcher(settings(receiver.url), SECRET, SystemClock()).deliver(outbox)
    assert (done.delivered, outbox.counts()["delivered"]) == (3, 3)
    headers, body = receiver.came[0]
    told = Webhook(SECRET).verify(body, headers)
    assert told["type"] == "nextgen.run_failed"
    assert told["data"] == {"scenario_id": "baseline", "subject": "run-0", "n": 0}
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body.replace("run-0", "run-9"), headers)


def test_both_secrets_verify_while_one_replaces_the_other(outbox: Outbox) -> None:
    with listening() as receiver:
        Dispatcher(settings(receiver.url), f"{SECRET} another-text", SystemClock()).deliver(outbox)
    headers, body = receiver.came[0]
    Webhook(SECRET).verify(body, headers)
    Webhook(b"another-text").verify(body, headers)


def test_refusal_is_tried_again_with_the_same_id_after_a_longer_wait_each_time(outbox: Outbox) -> None:
    clock = Hands(SystemClock().now() + timedelta(seconds=1))
    with listening([204, 204, 500, 503, 204]) as receiver:
        dispatcher = Dispatcher(settings(receiver.url), SECRET, clock, jitter=lambda: 1.0)
        assert dispatcher.deliver(outbox).failed == 1
        assert dispatcher.deliver(outbox).failed == 0, "it is not due yet"
        clock.instant += timedelta(seconds=4)
        assert dispatcher.deliver(outbox).failed == 1
        clock.instant += timedelta(seconds=7.9)
        assert dispatcher.deliver(outbox).delivered == 0
        clock.instant += timedelta(seconds=0.1)
        assert dispatcher.deliver(outbox).delivered == 1
    assert receiver.ids[2] == receiver.ids[3] == receiver.ids[4]
    assert outbox.counts() == {"pending": 0, "delivered": 3, "dead": 0}


def test_after_the_last_attempt_it_is_a_dead_letter_and_replay_sends_it(outbox: Outbox) -> None:
    with listening([500, 204, 204]) as receiver:
        dispatcher = Dispatcher(settings(receiver.url, attempts=1), SECRET, SystemClock())
        assert dispatcher.deliver(outbox).dead == 1
        assert outbox.listing("dead")["last_error"].to_list() == ["the receiver ops answered 500"]
        outbox.replay(SystemClock().now())
        assert dispatcher.deliver(outbox).delivered == 1
    assert len(set(receiver.ids)) == 3


def test_redirect_is_a_refusal_and_is_not_followed(outbox: Outbox) -> None:
    with listening([302]) as receiver:
        Dispatcher(settings(receiver.url), SECRET, SystemClock()).deliver(outbox)
    assert len(receiver.came) == 3
    assert "answered 302" in outbox.listing("pending")["last_error"].to_list()[0]


def test_private_address_is_refused_unless_it_is_stated(outbox: Outbox) -> None:
    with listening() as receiver:
        done = Dispatcher(settings(receiver.url, private_hosts=[]), SECRET, SystemClock()).deliver(outbox)
    assert (done.failed, receiver.came) == (3, [])
    https = settings("https://10.0.0.7/hook", private_hosts=[])
    outbox.replay(SystemClock().now(), outbox.listing()["message_id"].item(0))
    Dispatcher(https, SECRET, SystemClock()).deliver(outbox)
    assert any("private address 10.0.0.7" in (e or "") for e in outbox.listing()["last_error"])


def test_receiver_that_is_gone_is_a_failure_with_its_reason(outbox: Outbox) -> None:
    with listening() as receiver:
        pass
    assert Dispatcher(settings(receiver.url), SECRET, SystemClock()).deliver(outbox).failed == 3
    assert all("ConnectError" in error for error in outbox.listing()["last_error"])


def test_receivers_without_a_secret_are_refused_with_how_to_make_one() -> None:
    with pytest.raises(SettingsError, match="WEBHOOK_SIGNING_SECRET"):
        Dispatcher(settings("https://example.org/hook"), None, SystemClock())
    with pytest.raises(SettingsError, match="base64"):
        Dispatcher(settings("https://example.org/hook"), "whsec_***", SystemClock())


@pytest.mark.parametrize("url", ["ftp://example.org", "https://user:pass@example.org/x", "//example.org"])
def test_receivers_that_are_no_plain_url_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="receiver"):
        settings(url)


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.resources.alerts.test_delivery import SECRET, settings
from nextgen_resources.alerts import delivery
from nextgen_resources.alerts.outbox import Outbox
from nextgen_resources.clock import SystemClock
send, after = delivery.Dispatcher._send, int(sys.argv[3])
count = 0
def counted(self, *arguments):
    global count
    said = send(self, *arguments)
    count += 1
    if count == after:
        os.kill(os.getpid(), signal.SIGKILL)   # the receiver has it, the outbox does not know
    return said
delivery.Dispatcher._send = counted
delivery.Dispatcher(settings(sys.argv[2]), SECRET, SystemClock()).deliver(Outbox(Path(sys.argv[1])))
"""


def test_worker_killed_between_sending_and_noting_loses_nothing(outbox: Outbox, tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    with listening() as receiver:
        worker = [sys.executable, "-c", KILLED, str(tmp_path / "alerts.sqlite"), receiver.url, "2"]
        assert subprocess.run(worker, cwd=root, check=False).returncode == -9
        assert outbox.counts()["pending"] == 2
        later = Hands(SystemClock().now() + timedelta(hours=1))
        Dispatcher(settings(receiver.url), SECRET, later).deliver(outbox)
    assert outbox.counts() == {"pending": 0, "delivered": 3, "dead": 0}
    assert len(receiver.ids) == 4
    assert len(set(receiver.ids)) == 3


def test_body_is_the_same_for_the_same_event() -> None:
    moment = datetime(2024, 5, 3, 21, 0, tzinfo=UTC)
    make: Callable[[], Message] = lambda: Message("trade_executed", "a", "s", moment, {"b": 1, "a": [2]})  # noqa: E731
    assert make().body == make().body
    assert make().message_id == make().message_id
    assert json.loads(make().body)["timestamp"] == "2024-05-03T21:00:00+00:00"
