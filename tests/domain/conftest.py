"""Synthetic ledgers of matured predictions, with or without a planted weakness."""

from collections.abc import Callable
from datetime import date

import numpy as np
import polars as pl
import pytest

from nextgen_assets.domain.sessions import xnys
from nextgen_assets.domain.validation import join_outcomes, validate_predictions

HORIZON, VOLATILITY = 5, 0.035


def _matured_ledger(
    n_sessions: int = 320,
    tickers: tuple[str, ...] = ("AAPL", "IBM", "MSFT"),
    seed: int = 0,
    probability: Callable[[np.random.Generator, np.ndarray, np.ndarray], np.ndarray] | None = None,
    reach: float = 1.645,
    share_true: float = 0.0,
) -> pl.DataFrame:
    """Validated predictions over overlapping five-session targets with a common market factor.

    ``probability(rng, ticker_index, realised)`` plants what is wanted; by default it is noise around
    one half that knows nothing. ``share_true`` of the rows lean towards what will happen.
    """
    calendar, rng = xnys(), np.random.default_rng(seed)
    first = calendar.index(date(2004, 1, 5))
    market = rng.normal(0, 0.01, n_sessions + HORIZON)
    rows = []
    for number, ticker in enumerate(sorted(tickers)):
        daily = market + rng.normal(0, 0.012, market.size)
        realised = np.array([daily[k + 1 : k + 1 + HORIZON].sum() for k in range(n_sessions)])
        if probability is None:
            said = 0.5 + 0.03 * rng.normal(size=n_sessions)
        else:
            said = probability(rng, np.full(n_sessions, number), realised)
        knows = rng.random(n_sessions) < share_true
        said = np.clip(np.where(knows, np.where(realised > 0, 0.7, 0.3), said), 0.01, 0.99)
        for k in range(n_sessions):
            session, target = calendar.sessions[first + k], calendar.sessions[first + k + HORIZON]
            rows.append((ticker, session, target, float(said[k]), float(realised[k])))
    names = ["ticker", "session_date", "target_session_date", "probability_up", "realised_log_return"]
    both = pl.DataFrame(rows, schema=names, orient="row").with_columns(
        prediction_id=pl.format("{}|{}", "ticker", "session_date"),
        scenario_id=pl.lit("baseline"),
        horizon_sessions=HORIZON,
        model_id=pl.lit("model"),
        direction=pl.when(pl.col("probability_up") >= 0.5).then(pl.lit("up")).otherwise(pl.lit("down")),
        expected_log_return=0.0,
        lower_log_return=-reach * VOLATILITY,
        upper_log_return=reach * VOLATILITY,
        volatility=VOLATILITY,
        interval_coverage=0.9,
        abstained=False,
        as_of=pl.col("session_date").cast(pl.Datetime("us", "UTC")),
        price_known_at=pl.col("target_session_date").cast(pl.Datetime("us", "UTC")),
    )
    predictions = both.drop("realised_log_return", "price_known_at")
    sessions = both["target_session_date"].unique().to_list()
    return join_outcomes(validate_predictions(predictions, both, sessions, calendar, 30), predictions)


@pytest.fixture(scope="session")
def matured_ledger() -> Callable[..., pl.DataFrame]:
    """Builder of ledgers: ``matured_ledger(n_sessions, tickers, seed, probability, reach, share_true)``."""
    return _matured_ledger
