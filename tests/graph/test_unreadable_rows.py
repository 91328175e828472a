"""Lines of a user's files that cannot be read stand in the quarantine, whole, and nowhere else."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from tests.graph.harness import built

FIRST, LAST = date(2013, 2, 25), date(2013, 2, 26)
LINES = (
    "symbol,date,open,high,low,close,volume,adj_close\n"
    "NAN,2013-02-25,10,11,9,10.5,1000,10.5\n"
    "symbol,date,open,high,low,close,volume,adj_close\n"
    "NAN,2013-02-26,10,11,9,n/k,1000,10.5\n"
    "ON,2013-02-25,20,21,19,20.5,500,20.5\n"
    "ON,2013-02-26,20,21,19,20.5,500,20.5\n"
)


@pytest.mark.slow
def test_every_line_is_a_bar_or_in_the_quarantine_and_a_second_run_adds_none(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text(LINES)
    settings = {
        "ingestion.provider": "files",
        "ingestion.provider_options": {"path": str(path), "unreadable": "quarantine"},
        "ingestion.first_session": FIRST,
        "ingestion.last_session": LAST,
    }
    with built(tmp_path / "world", settings) as world:
        for _ in range(2):
            world.run("prepare_inputs", FIRST, LAST)
            kept = world.warehouse.read("SELECT ticker, session_date FROM market_prices ORDER BY ALL")
            assert kept.rows() == [("NAN", FIRST), ("ON", FIRST), ("ON", LAST)]
            away = world.warehouse.read(
                "SELECT reason_code, partition_key, payload FROM quarantine WHERE asset = 'market_prices' ORDER BY ALL"
            )
            assert away["reason_code"].to_list() == ["header_line", "unreadable_close"]
            assert away["partition_key"].to_list() == [str(FIRST), str(LAST)]
            assert json.loads(away["payload"][1])["text"] == "NAN,2013-02-26,10,11,9,n/k,1000,10.5"
