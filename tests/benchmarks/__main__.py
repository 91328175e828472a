"""Every benchmark in turn: ``python -m tests.benchmarks``; each prints ratios and asserts nothing about time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def main() -> int:
    """Run the scripts in the order of their names; the number of those that failed."""
    failed = 0
    for script in sorted(FOLDER.glob("bench_*.py")):
        about = script.read_text(encoding="utf-8").split('"""')[1].splitlines()[0]
        print(f"\n== {script.stem}: {about}", flush=True)
        done = subprocess.run(
            [sys.executable, "-m", f"tests.benchmarks.{script.stem}"], cwd=FOLDER.parents[1], check=False
        )
        failed += done.returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
