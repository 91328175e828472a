"""Adjustment on reading beside LEAN's factor files: two sources that know nothing of each other."""

import pytest

from tests.benchmarks.bench_lean_factors import DATA, compared

pytestmark = pytest.mark.skipif(
    not (DATA / "lean_daily_unadjusted").is_dir(), reason=f"the factor files of LEAN are not at {DATA}"
)


def test_steps_agree_to_a_millionth_where_the_sources_state_the_same():
    steps = compared()
    clean = steps.filter(steps["ticker"].is_in(["AAPL", "IBM"]))
    assert clean.height > 80
    assert clean["verdict"].unique().to_list() == ["agree to 1e-6"]
    others = steps.filter(steps["ticker"].is_in(["AIG", "BAC"]))
    assert (others["verdict"] == "agree to 1e-6").sum() >= 97
    assert others.height - (others["verdict"] == "agree to 1e-6").sum() <= 6
