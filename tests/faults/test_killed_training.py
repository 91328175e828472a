"""Training is killed without warning, and goes on in another process to the same bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from nextgen_assets.domain.training import train_cutoff
from tests.domain.planted_market import CUTOFFS, SETTINGS, planted_market, training_data

ROOT = Path(__file__).parents[2]
EPOCHS = 25
LONG = replace(
    SETTINGS,
    families={"lstm": {"hidden_size": 16, "epochs": EPOCHS, "patience": EPOCHS, "batch_size": 8}},
)
TRAIN = """
import sys
from pathlib import Path
from nextgen_assets.domain.training import train_cutoff
from nextgen_resources.training_checkpoints import TrainingCheckpoints
from tests.domain.planted_market import CUTOFFS, planted_market, training_data
from tests.faults.test_killed_training import LONG
job = training_data(planted_market(), LONG).job(CUTOFFS[0])
print(train_cutoff(job, TrainingCheckpoints(Path(sys.argv[1])))[0].model_id)
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="kills a process with SIGKILL"),
]


def started(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", TRAIN, str(folder)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_killed_training_goes_on_to_the_bytes_of_one_that_was_not(tmp_path: Path) -> None:
    kills = 0
    for passes_before in (1, 2):
        with started(tmp_path) as process:
            newest = 0.0
            while passes_before and process.poll() is None:
                found = [path.stat().st_mtime_ns for path in tmp_path.glob("*-lstm.checkpoint")]
                passes_before -= bool(found) and found[0] != newest
                newest = found[0] if found else newest
                time.sleep(0.002)
            process.send_signal(signal.SIGKILL)
            kills += process.wait() == -signal.SIGKILL
    assert kills == 2
    assert not list(tmp_path.glob("*-finished.checkpoint"))  # it was in the middle of its passes
    with started(tmp_path) as process:
        said, _ = process.communicate(timeout=200)
    job = training_data(planted_market(), LONG).job(CUTOFFS[0])
    whole = train_cutoff(job)[0]
    assert said.strip() == whole.model_id
    assert len(whole.curve) == EPOCHS
