"""Glances fit where the UI shows Markdown in its place, and show what the rows say."""

from __future__ import annotations

import base64
import re
from datetime import date
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest

from nextgen_assets.domain.sessions import xnys
from nextgen_assets.drawing import NothingToDrawError
from nextgen_assets.glances import FITS, calibration_glance, equity_glance, health_glance

DAYS = xnys().between(date(2003, 1, 2), date(2012, 12, 31))
COMPONENTS = (
    "feature_windows",
    "ledger",
    "market_prices",
    "models",
    "news",
    "predictions",
    "quarantine",
    "validation",
)
RNG = np.random.default_rng(7)


def paths_of(markdown: str) -> list[ElementTree.Element]:
    """The paths of the picture."""
    found = re.match(r"!\[\w+\]\(data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)\)\n\n", markdown)
    assert found is not None
    return list(ElementTree.fromstring(base64.b64decode(found[1])))


def health(status: list[list[str]]) -> pl.DataFrame:
    """Rows of a grid of components by sessions."""
    rows = [
        (name, day, said)
        for name, line in zip(COMPONENTS, status, strict=True)
        for day, said in zip(DAYS, line, strict=False)
    ]
    return pl.DataFrame(rows, schema=["component", "session_date", "status"], orient="row")


def test_equity_of_ten_years_fits_and_ends_where_the_portfolio_does() -> None:
    net = 1e5 * np.exp(np.cumsum(RNG.normal(0, 0.02, len(DAYS))))
    values = pl.DataFrame(
        {
            "session_date": DAYS,
            "net_asset_value_usd": net,
            "benchmark_value_usd": net[::-1],
            "drawdown": 0.125,
        }
    )
    drawn = equity_glance(values)
    assert len(drawn) < FITS
    held, own = paths_of(drawn)
    assert held.get("stroke") != own.get("stroke")
    start, *steps = re.findall(r"(-?\d+),(-?\d+)", own.get("d") or "")
    assert int(start[0]) + sum(int(across) for across, _ in steps) == 320
    lowest, highest = np.log(min(net)), np.log(max(net))
    end = int(start[1]) + sum(int(down) for _, down in steps)
    assert end == pytest.approx(2 + 60 * (highest - np.log(net[-1])) / (highest - lowest), abs=8)
    assert f"{net[-1]:,.0f} US dollars (blue), buy-and-hold {net[0]:,.0f} (grey); drawdown now 12.5%" in drawn


def test_health_that_is_all_well_is_green_and_says_so() -> None:
    drawn = health_glance(health([["ok"] * 60] * 8))
    assert [path.get("stroke") for path in paths_of(drawn)] == ["#8fc7a1"]
    assert drawn.endswith(f"{DAYS[59]}: all ok. Sessions of 60 that were not ok: none.")


def test_failure_is_red_at_its_sessions_and_named_while_it_lasts() -> None:
    grid = [["ok"] * 64 for _ in COMPONENTS]
    grid[5][32:] = ["fail"] * 32
    drawn = health_glance(health(grid))
    _, red = paths_of(drawn)
    assert (red.get("stroke"), red.get("d")) == ("#d64545", "M160,49h160")
    assert drawn.endswith(": predictions fail. Sessions of 64 that were not ok: predictions 32.")


def test_session_without_a_row_is_a_gap_and_not_green() -> None:
    later = health([["ok"] * 64] * 8).filter(pl.col("component") == "ledger")
    seen = pl.concat([later, health([["ok"] * 32] * 8)]).unique(["component", "session_date"])
    (green,) = paths_of(health_glance(seen))
    assert (green.get("d") or "").count("h320") == 1
    assert (green.get("d") or "").count("h160") == 7


def test_health_that_changes_every_session_still_fits() -> None:
    grid = RNG.choice(["ok", "warn", "fail"], (8, 700)).tolist()
    drawn = health_glance(health(grid))
    assert len(drawn) < FITS
    assert len(paths_of(drawn)) >= 2


def test_calibrated_probabilities_lie_on_the_diagonal() -> None:
    said = RNG.uniform(0, 1, 20_000)
    drawn = calibration_glance(said, RNG.uniform(0, 1, 20_000) < said)
    assert len(drawn) < FITS
    _, points = paths_of(drawn)
    for x, y in re.findall(r"M(\d+),(\d+)h0", points.get("d") or ""):
        assert int(x) == pytest.approx(128 - int(y), abs=5)


def test_nothing_is_not_drawn() -> None:
    with pytest.raises(NothingToDrawError, match="materialize the sessions first"):
        health_glance(health([["ok"]] * 8).clear())
