"""Sectors are what the listings had said by then, and nothing where they had not."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import polars as pl

from nextgen_assets.domain.grid import Grid
from nextgen_assets.domain.sectors import sector_code, sector_codes, sector_spans
from nextgen_assets.domain.sessions import xnys

MONDAY, FRIDAY = date(2012, 10, 1), date(2012, 10, 5)
SESSIONS = tuple(xnys().between(MONDAY, FRIDAY))


def listings(*rows: tuple[str, date, date | None, str, datetime]) -> pl.DataFrame:
    names = ("ticker", "valid_from", "valid_to", "sector", "known_at")
    kinds = (pl.String, pl.Date, pl.Date, pl.String, pl.Datetime("us", "UTC"))
    frame = pl.DataFrame(rows, schema=dict(zip(names, kinds, strict=True)), orient="row")
    return frame.with_columns(source=pl.lit("test"))


def codes_of(frame: pl.DataFrame, tickers: tuple[str, ...] = ("A", "B")) -> np.ndarray:
    return sector_codes(sector_spans(frame, xnys(), 30), Grid(SESSIONS, tickers))


def test_a_sector_holds_from_its_listing_to_the_day_before_the_next() -> None:
    codes = codes_of(
        listings(
            ("A", date(2012, 9, 3), date(2012, 10, 3), "Energy", datetime(2012, 9, 3, tzinfo=UTC)),
            ("A", date(2012, 10, 3), None, "Utilities", datetime(2012, 10, 3, 13, tzinfo=UTC)),
            ("B", date(2012, 10, 2), None, "Energy", datetime(2012, 10, 2, 13, tzinfo=UTC)),
        )
    )
    energy, utilities = sector_code("Energy"), sector_code("Utilities")
    assert codes[:, 0].tolist() == [energy, energy, utilities, utilities, utilities]
    assert np.isnan(codes[0, 1])
    assert codes[1:, 1].tolist() == [energy] * 4


def test_a_listing_learned_after_the_cut_off_counts_from_the_session_that_admits_it() -> None:
    codes = codes_of(listings(("A", MONDAY, None, "Energy", datetime(2012, 10, 2, 21, 0, tzinfo=UTC))))
    assert np.isnan(codes[:2, 0]).all()
    assert not np.isnan(codes[2:, 0]).any()


def test_unclassified_is_no_sector() -> None:
    known = datetime(2012, 9, 3, tzinfo=UTC)
    codes = codes_of(listings(("A", MONDAY, None, "Unclassified", known), ("B", MONDAY, None, "", known)))
    assert np.isnan(codes).all()


def test_names_have_numbers_of_their_own_that_float64_holds() -> None:
    codes = {sector_code(f"Sector {number}") for number in range(1_000)}
    assert len(codes) == 1_000
    assert all(code == int(code) < 2**53 for code in codes)
