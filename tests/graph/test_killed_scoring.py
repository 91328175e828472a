"""SIGKILL in the middle of a scoring run: what was answered is paid for once, and the bill leaves nothing out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from nextgen_resources.warehouse.warehouse import Warehouse
from tests.graph.harness import built
from tests.graph.scoring_process import SETTINGS
from tests.resources.sentiment.openai_server import Heard, Said, answered, loopback_model

ROOT = Path(__file__).parents[2]
FIRST, LAST = "2012-07-02", "2012-08-10"
ANSWERED = 7


def start(folder: Path, base_url: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-m", "tests.graph.scoring_process", str(folder), base_url, FIRST, LAST]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)


@pytest.mark.slow
def test_a_killed_run_pays_for_nothing_twice_and_its_cost_stays_in_the_bill(tmp_path: Path) -> None:
    is_hanging = threading.Event()
    may_go_on = threading.Event()
    count = iter(range(10_000))

    def script(_heard: Heard) -> Said:
        if next(count) >= ANSWERED and not may_go_on.is_set():
            is_hanging.set()
            may_go_on.wait(60)
        return answered("responses")

    with loopback_model(script) as server:
        process = start(tmp_path, server.base_url)
        assert is_hanging.wait(120), "the run never got so far"
        time.sleep(0.5)  # the last answered call is on its way to the disk
        process.send_signal(signal.SIGKILL)
        assert process.wait(30) == -signal.SIGKILL
        with built(tmp_path, SETTINGS) as scenario:
            reserved = spent(scenario.warehouse)
            assert reserved > 0
            assert scenario.warehouse.scalar("SELECT count(*) FROM news_article_scores") == 0
        asked_before = Counter(question(heard) for heard in server.heard)
        answered_before = Counter(question(heard) for heard in server.heard[:ANSWERED])
        may_go_on.set()
        assert start(tmp_path, server.base_url).wait(120) == 0
        every = Counter(question(heard) for heard in server.heard)
        again = {name for name in every if every[name] > asked_before[name] > 0}
        assert not again & answered_before.keys(), "what was answered is not asked again"
        assert len(again) <= 2, "only what hung at the moment of the kill"
        with built(tmp_path, SETTINGS) as scenario:
            paid = scenario.warehouse.scalar("SELECT sum(cost_usd) FROM news_article_scores")
            assert scenario.warehouse.scalar("SELECT count(*) FROM news_article_scores") == len(every)
            assert spent(scenario.warehouse) >= paid, "the killed run's calls are in the bill"
            calls = scenario.warehouse.scalar("SELECT count(*) FROM provider_calls WHERE provider = 'openai'")
            assert calls == len(server.heard) - len(again), "the calls that hung left no row"


def question(heard: Heard) -> tuple[str, str]:
    return heard.ticker, str(heard.article)


def spent(warehouse: Warehouse) -> float:
    return float(warehouse.scalar("SELECT coalesce(sum(cost_usd), 0) FROM news_scoring_runs"))
