"""The code location of the simulation needs its clock and its vendor: it is loaded by the daemon, not by pytest."""

collect_ignore = ["location.py"]
