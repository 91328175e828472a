"""Windows scored together are scored as each alone, and as a plain loop over replicates says."""

from datetime import date, timedelta

import numpy as np
import pytest

from nextgen_assets.domain import clustering, scorecard
from nextgen_assets.domain.base_rates import with_base_rate
from nextgen_assets.domain.sessions import xnys
from nextgen_assets.domain.trailing_scores import score_windows

WEIGHTS = clustering.bootstrap_weights(5, 40, 3)


@pytest.fixture
def windows(matured_ledger):
    """Blocks of seventy windows of five blocks, and the sessions that they end at."""
    rows = with_base_rate(matured_ledger(n_sessions=140), xnys(), 100)
    positions = scorecard.target_positions(rows, xnys())
    ends = np.arange(positions.max() - 69, positions.max() + 1)
    _, blocks = clustering.trailing_blocks(positions, scorecard.row_sums(rows), ends, 50, 10)
    return blocks, [date(2010, 1, 1) + timedelta(days=number) for number in range(70)]


def test_window_alone_gives_the_bytes_it_gives_among_others(windows):
    blocks, days = windows
    together = score_windows(blocks, days, WEIGHTS, 0.95)
    for chosen in (slice(0, 1), slice(31, 33), slice(40, 70)):
        alone = score_windows(blocks[chosen], days[chosen], WEIGHTS, 0.95)
        same = together.filter(together["session_date"].is_in(days[chosen]))
        assert alone.sort("metric", "session_date").equals(same.sort("metric", "session_date"))


def test_interval_is_that_of_a_loop_over_replicates(windows):
    blocks, days = windows
    row = score_windows(blocks[:1], days[:1], WEIGHTS, 0.95).filter(metric="brier_score").row(0, named=True)
    place = scorecard.METRICS.index("brier_score")
    replicates = [scorecard.scores((weight @ blocks[0])[None, :])[0][0, place] for weight in WEIGHTS]
    error = np.std(replicates[1:]) * (6 / 4) ** 0.5
    reach = clustering.student_quantile(0.975, 4) * error
    assert row["value"] == pytest.approx(replicates[0], rel=1e-12)
    assert row["lower"] == pytest.approx(replicates[0] - reach, rel=1e-12)
    assert row["upper"] == pytest.approx(replicates[0] + reach, rel=1e-12)


def test_window_with_a_single_filled_block_has_no_row(windows):
    blocks, days = windows
    thin = blocks[:1].copy()
    thin[:, 1:] = 0.0
    assert score_windows(thin, days[:1], WEIGHTS, 0.95).is_empty()
