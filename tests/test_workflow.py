"""The workflow of hosted CI: what it runs, and that nothing in it hides a failure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

WORKFLOW = Path(__file__).parents[1] / ".github" / "workflows" / "ci.yml"
JOBS: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text())["jobs"]


def commands(job: str) -> str:
    """Every command of a job, one a line."""
    return "\n".join(" ".join(step["run"].split()) for step in JOBS[job]["steps"] if "run" in step)


@pytest.mark.parametrize(
    ("job", "command"),
    [
        ("check", ".ci/run"),
        ("graph", "dagster asset materialize -m nextgen_assets.definitions"),
        ("nightly", "make test-all"),
        ("audit", "pip_audit --strict --requirement constraints.txt"),
    ],
)
def test_job_runs_its_command_and_its_failure_fails_the_job(job: str, command: str) -> None:
    assert command in commands(job)
    assert "||" not in commands(job)
    assert "continue-on-error" not in str(JOBS[job])


def test_proofs_and_audit_are_nightly_and_the_gate_is_always() -> None:
    nightly = {job for job, told in JOBS.items() if told.get("if") == "github.event_name == 'schedule'"}
    assert nightly == {"nightly", "audit"}


def test_no_job_can_write_to_the_repository() -> None:
    assert yaml.safe_load(WORKFLOW.read_text())["permissions"] == {"contents": "read"}
    assert not any("permissions" in told for told in JOBS.values())
