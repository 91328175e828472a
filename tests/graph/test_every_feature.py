"""Every feature that is found, through the real graph: a session alone gives the rows of the range."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from nextgen_assets.domain.features import known_features
from tests.graph.harness import built

ALL = {
    "features.names": [],
    "ingestion.first_session": "2004-06-01",
    "ingestion.last_session": "2005-03-01",
}
FIRST, BEFORE, LAST = "2004-06-01", "2005-02-25", ("2005-02-28", "2005-03-01")
"""On the last Monday of February AAPL splits two for one."""


@pytest.mark.slow
def test_every_feature_is_the_same_in_a_range_and_session_by_session(tmp_path: Path) -> None:
    with built(tmp_path / "range", ALL) as whole, built(tmp_path / "single", ALL) as parts:
        whole.run("prepare_inputs", FIRST, LAST[-1])
        parts.run("prepare_inputs", FIRST, BEFORE)
        for session in LAST:
            parts.run("prepare_inputs", session, session)
        windows = whole.content("feature_windows")
        assert_frame_equal(parts.content("feature_windows"), windows, check_exact=True)
        assert whole.content("feature_sets")["scope"].to_list() == ["market"]
        newest = windows.filter(session_date=date(2005, 3, 1))
        assert newest.height == 4
        assert newest["is_complete"].all()
        assert newest["feature_count"].unique().to_list() == [len(known_features())]
        window_id = newest["window_id"][0]
        named = whole.warehouse.read("SELECT * FROM feature_provenance($window_id)", window_id=window_id)
        bars = named.filter(table_name="market_prices")
        assert bars["ticker"].n_unique() == 4
