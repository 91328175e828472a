"""What Dagster costs: the graph as Dagster runs it, beside the same work called as plain functions.

``python -m tests.benchmarks.bench_orchestration [last_session]``: the whole span of the settings (the embedded data
unless the environment says otherwise), each way in a process and a warehouse of its own; then
one more session by itself, as a day of operation would run it.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg

STAGES = ("prepare_inputs", "train_models", "decide_and_trade")
Times = dict[str, dict[str, Any]]


def _instance_in(folder: Path) -> dg.DagsterInstance:
    (folder / "dagster.yaml").write_text(
        "telemetry: {enabled: false}\n"
        "event_log_storage:\n  module: nextgen_resources.event_log\n  class: BatchedSqliteEventLogStorage\n"
        f"  config: {{base_dir: {folder / 'history'}}}\n"
    )
    return dg.DagsterInstance.from_config(str(folder))


def measure(way: str, folder: Path, last: str | None) -> Times:
    """Run everything up to the session before the last in one range each, then the last by itself."""
    from nextgen_assets.commands.graph_run import run_range
    from nextgen_assets.definitions import build_definitions, warehouse_of
    from nextgen_resources.settings.loader import load_settings
    from tests.benchmarks.plain_graph import PlainGraph, months_of, sessions_of

    settings = load_settings(overrides={"paths.data_dir": str(folder / "data")})
    warehouse_of(settings).migrate()
    sessions = [day for day in sessions_of() if last is None or day <= date.fromisoformat(last)]
    span, alone = (sessions[0], sessions[-2]), (sessions[-1], sessions[-1])
    times: Times = {}
    with _instance_in(folder) as instance:
        if way == "dagster":
            definitions = build_definitions(settings)

            def run(stage: str, begin: date, end: date) -> dict[str, float]:
                steps = run_range(instance, definitions.resolve_job_def(stage), str(begin), str(end))
                return steps.by_step
        else:
            run = PlainGraph(settings, instance).run
        for stage in STAGES:
            times[stage] = _timed(run, stage, *(months_of(*span) if stage == "train_models" else span))
        for stage in ("prepare_inputs", "decide_and_trade"):
            times[f"{stage}, one session"] = _timed(run, stage, *alone)
    times["size"] = {"sessions": len(sessions), "history_mb": _megabytes(folder / "history")}
    return times


def _timed(
    run: Callable[[str, date, date], dict[str, float]], stage: str, begin: date, end: date
) -> dict[str, Any]:
    wall, cpu = time.perf_counter(), _cpu_seconds()
    steps = run(stage, begin, end)
    return {"wall": time.perf_counter() - wall, "cpu": _cpu_seconds() - cpu, "steps": steps}


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _megabytes(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def _in_process(way: str, last: str | None) -> Times:
    """The times of one way, from a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "tests.benchmarks.bench_orchestration",
            "--way",
            way,
            folder,
        ]
        done = subprocess.run(
            [*command, *([last] if last else [])], check=True, stdout=subprocess.PIPE, text=True
        )
    result: Times = json.loads(done.stdout.splitlines()[-1])
    return result


def main(last: str | None = None) -> None:
    """Print seconds by stage, the ratio and the share of orchestration."""
    times = {way: _in_process(way, last) for way in ("plain", "dagster")}
    sessions = times["dagster"]["size"]["sessions"]
    print(f"{sessions} sessions, {times['dagster']['size']['history_mb']:.0f} MB of Dagster history")
    print(
        f"{'wall seconds (CPU seconds)':34s} {'plain':>16s} {'Dagster':>16s}   ratio   share of orchestration"
    )
    ranged = [stage for stage in times["dagster"] if stage in STAGES]
    for stage in [
        *ranged,
        "ranged runs",
        *(name for name in times["dagster"] if name.endswith("one session")),
    ]:
        rows = [
            _sum(times[way], ranged if stage == "ranged runs" else [stage]) for way in ("plain", "dagster")
        ]
        cells = " ".join(f"{row['wall']:7.1f} ({row['cpu']:6.1f})" for row in rows)
        ratio, share = rows[1]["wall"] / rows[0]["wall"], 1 - rows[0]["wall"] / rows[1]["wall"]
        print(f"{stage:34s} {cells} {ratio:7.2f} {share:12.0%}")
    per_session = _sum(times["dagster"], ["prepare_inputs", "decide_and_trade"])["wall"] / (sessions - 1)
    print(f"a session inside a ranged run costs {per_session * 1000:.1f} ms; models apart")
    for title, stages in (
        ("ranged runs", ranged),
        ("one session", sorted(set(times["dagster"]) - {*ranged, "size"})),
    ):
        print(f"\n{title + ', seconds by asset':34s} {'plain':>10s} {'Dagster step':>14s}")
        for stage in reversed(stages) if title == "one session" else stages:
            plain, steps = times["plain"][stage]["steps"], times["dagster"][stage]["steps"]
            for asset, seconds in plain.items():
                step = sum(steps.values()) - sum(steps[name] for name in plain if name != "checks")
                print(f"{asset:34s} {seconds:10.2f} {step if asset == 'checks' else steps[asset]:14.2f}")


def _sum(times: Times, stages: list[str]) -> dict[str, float]:
    return {name: sum(times[stage][name] for stage in stages) for name in ("wall", "cpu")}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.INFO)
    if sys.argv[1:2] == ["--way"]:
        print(json.dumps(measure(sys.argv[2], Path(sys.argv[3]), *(sys.argv[4:5] or [None]))))
    else:
        main(*sys.argv[1:])
