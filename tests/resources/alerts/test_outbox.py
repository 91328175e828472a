"""The outbox keeps every message once and hands each delivery to one worker at a time, whatever dies."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nextgen_resources.alerts.messages import KINDS, Message
from nextgen_resources.alerts.outbox import Outbox

NOW = datetime(2024, 5, 3, 21, 0, tzinfo=UTC)
WANTED = {"ops": KINDS}


def message(number: int, kind: str = "run_failed") -> Message:
    return Message(kind, "baseline", f"run-{number}", NOW, {"number": number})  # type: ignore[arg-type]


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "alerts.sqlite")


def test_same_event_found_again_is_kept_once(outbox: Outbox) -> None:
    assert outbox.put([message(1), message(2)], WANTED, NOW) == 2
    assert outbox.put([message(2), message(3)], WANTED, NOW) == 1
    assert outbox.counts() == {"pending": 3, "delivered": 0, "dead": 0}


def test_receiver_gets_only_the_kinds_it_wants(outbox: Outbox) -> None:
    outbox.put([message(1), message(2, "trade_executed")], {"a": ["trade_executed"], "b": KINDS}, NOW)
    assert [(d.receiver, d.message_id) for d in outbox.claim(["a"], NOW, 60, 10)] == [
        ("a", message(2, "trade_executed").message_id)
    ]
    assert len(outbox.claim(["b"], NOW, 60, 10)) == 2


def test_leased_delivery_is_nobody_elses_until_the_lease_ends(outbox: Outbox) -> None:
    outbox.put([message(1)], WANTED, NOW)
    (first,) = outbox.claim(["ops"], NOW, 60, 10)
    assert outbox.claim(["ops"], NOW + timedelta(seconds=59), 60, 10) == []
    (again,) = outbox.claim(["ops"], NOW + timedelta(seconds=60), 60, 10)
    assert (again.message_id, first.attempt, again.attempt) == (first.message_id, 1, 2)


def test_dead_letters_are_kept_and_replayed(outbox: Outbox) -> None:
    outbox.put([message(1)], WANTED, NOW)
    (delivery,) = outbox.claim(["ops"], NOW, 60, 10)
    outbox.failed(delivery, "it answered 500", None, NOW)
    assert outbox.counts()["dead"] == 1
    assert outbox.claim(["ops"], NOW + timedelta(days=9), 60, 10) == []
    assert outbox.listing("dead")["last_error"].to_list() == ["it answered 500"]
    assert outbox.replay(NOW) == 1
    assert [d.attempt for d in outbox.claim(["ops"], NOW, 60, 10)] == [1]


def test_replay_of_one_message_takes_delivered_ones_too(outbox: Outbox) -> None:
    outbox.put([message(1), message(2)], WANTED, NOW)
    for delivery in outbox.claim(["ops"], NOW, 60, 10):
        outbox.delivered(delivery, NOW)
    assert outbox.replay(NOW) == 0
    assert outbox.replay(NOW, message(2).message_id) == 1
    assert outbox.counts() == {"pending": 1, "delivered": 1, "dead": 0}


def test_reading_before_the_first_message_creates_no_file(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "none" / "alerts.sqlite")
    assert outbox.claim(["ops"], NOW, 60, 10) == []
    assert outbox.listing().is_empty()
    assert outbox.counts()["pending"] == 0
    assert outbox.replay(NOW) == 0
    assert not (tmp_path / "none").exists()


def _claim_all(path: Path, taken: multiprocessing.Queue[str]) -> None:
    outbox = Outbox(path)
    while claimed := outbox.claim(["ops"], NOW, 600, 3):
        for delivery in claimed:
            taken.put(delivery.message_id)


def test_two_workers_share_the_work_without_doubles(outbox: Outbox, tmp_path: Path) -> None:
    outbox.put([message(number) for number in range(60)], WANTED, NOW)
    spawn = multiprocessing.get_context("fork")
    taken: multiprocessing.Queue[str] = spawn.Queue()
    workers = [spawn.Process(target=_claim_all, args=(tmp_path / "alerts.sqlite", taken)) for _ in range(2)]
    for worker in workers:
        worker.start()
    found = [taken.get(timeout=30) for _ in range(60)]
    for worker in workers:
        worker.join(30)
    assert sorted(found) == sorted(message(number).message_id for number in range(60))


def _put_forever(path: Path) -> None:
    outbox = Outbox(path)
    for number in range(100_000):
        outbox.put([message(2 * number), message(2 * number + 1)], WANTED, NOW)


@pytest.mark.slow
def test_kills_while_putting_leave_whole_transactions(tmp_path: Path) -> None:
    for trial in range(20):
        path = tmp_path / f"{trial}.sqlite"
        worker = multiprocessing.get_context("fork").Process(target=_put_forever, args=(path,))
        worker.start()
        time.sleep(0.05 + 0.01 * trial)
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()
        outbox = Outbox(path)
        known = outbox.listing(most=1_000_000)["message_id"].to_list()
        count = len(known)
        assert count % 2 == 0
        assert set(known) == {message(number).message_id for number in range(count)}
        assert outbox.counts()["pending"] == count
