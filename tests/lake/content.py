"""What a warehouse holds, as one hash for each table: ``python -m tests.lake.content`` under the settings of the environment.

Columns that state when something ran are left out, and tables about the runs themselves. A lake gives minus zero back
as zero, so both count as one here.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from nextgen_assets.definitions import warehouse_of
from nextgen_resources.settings.loader import load_settings
from nextgen_resources.warehouse.tables import TABLES
from tests.graph.harness import WALL_CLOCK
from tests.graph.test_ways_to_run import OF_RUNS


def plain(value: Any) -> Any:
    """The value with zero in place of minus zero."""
    if isinstance(value, float):
        return value + 0.0
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def main() -> None:
    """Print rows and a hash for each table."""
    warehouse = warehouse_of(load_settings())
    found: dict[str, tuple[int, str]] = {}
    for name in TABLES:
        if name in OF_RUNS:
            continue
        frame = warehouse.read(f'SELECT * FROM "{name}"')
        rows = sorted(repr(plain(row)) for row in frame.drop(WALL_CLOCK, strict=False).iter_rows())
        found[name] = len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
