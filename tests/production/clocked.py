"""A command under the simulated clock: python -m tests.production.clocked nextgen-daemon run …

``switch-on`` starts every schedule and every sensor, as an operator does.
"""

from __future__ import annotations

import sys

from tests.production.simulated_time import dagster_looks_at, simulated_clock


def main() -> None:
    """Set the clock, then be the command."""
    dagster_looks_at(simulated_clock(), is_daemon=True)
    command, *words = sys.argv[1:]
    if command == "switch-on":
        from dagster._cli.schedule import schedule_start_command
        from dagster._cli.sensor import sensor_start_command

        schedule_start_command(["--start-all", *words], standalone_mode=False)
        sensor_start_command(["--start-all", *words], standalone_mode=False)
    else:
        from nextgen_resources.daemon import main as entry

        sys.argv = [command, *words]
        entry()


if __name__ == "__main__":
    main()
