"""Models of single tickers in the service: what they say in a session, and how the gate judges them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from nextgen_assets.domain.adjustment import MaturedHistory
from nextgen_assets.domain.live_models import LiveModel
from nextgen_assets.domain.members import NO_MEMBERS, Floats, Indices, alone
from nextgen_assets.domain.promotion import PromotionConfig, Verdict
from nextgen_assets.domain.ticker_models import Matured, TickerModels
from nextgen_assets.domain.window_store import WindowStore


def member_of(model: LiveModel, ticker: str, store: WindowStore, session: date) -> dict[str, Any] | None:
    """What the own model of ``ticker`` says of its window at ``session``; None where the window is not complete.

    Notes
    -----
    Its batch is that one window, in whichever range or service it is asked.
    """
    batch = store.at(session)
    if ticker not in batch.tickers:
        return None
    row = batch.tickers.index(ticker)
    probability, mean = model.predict(batch.tensor[row : row + 1])
    return {
        "model_id": model.model_id,
        "family": model.family,
        "target_ticker": ticker,
        "probability_up": float(probability[0]),
        "standardised_mean": float(mean[0]),
    }


def with_own(
    frame: pl.DataFrame, in_charge: Mapping[date, Mapping[str, LiveModel]], store: WindowStore
) -> pl.DataFrame:
    """Rows of tickers that have a model of their own as that model says, the others beside it without weight.

    Parameters
    ----------
    frame : DataFrame
        ``ticker, session_date, ensemble, model_id, raw_probability_up, standardised_mean``; rows without a complete
        window stay.
    in_charge : mapping of date to mapping of str to LiveModel
        By session and ticker.
    """
    texts, leads, probability, mean = (
        frame[name].to_list() for name in ("ensemble", "model_id", "raw_probability_up", "standardised_mean")
    )
    for row, (ticker, day) in enumerate(frame.select("ticker", "session_date").iter_rows()):
        model = in_charge[day].get(ticker)
        member = None if model is None else member_of(model, ticker, store, day)
        if member is not None and texts[row] != NO_MEMBERS:
            texts[row], leads[row] = alone(texts[row], member), member["model_id"]
            probability[row], mean[row] = member["probability_up"], member["standardised_mean"]
    return frame.with_columns(
        ensemble=pl.Series(texts, dtype=pl.String),
        model_id=pl.Series(leads, dtype=pl.String),
        raw_probability_up=pl.Series(probability, dtype=pl.Float64),
        standardised_mean=pl.Series(mean, dtype=pl.Float64),
    )


def judge_own(
    own: TickerModels,
    contenders: Mapping[str, Sequence[str]],
    history: MaturedHistory,
    rows: Indices,
    odds: tuple[Floats, Floats],
    n_trials: int,
    gate: PromotionConfig,
) -> dict[str, tuple[Verdict, ...]]:
    """Verdicts by ticker on models of single tickers.

    Parameters
    ----------
    contenders : mapping of str to sequence of str
        From ``TickerModels.contenders``.
    rows : ndarray of int64
        Of the history: what had matured at the cut-off, of all tickers.
    odds : tuple of ndarray
        Log odds of these rows by the base rate, and by what serves without models of single tickers.
    """
    base, champion = odds
    found = {}
    for ticker, candidates in contenders.items():
        if ticker not in history.tickers:
            continue
        is_its = history.ticker_code[rows] == history.tickers.index(ticker)
        known = Matured(
            history.session_index[rows][is_its],
            history.realised[rows][is_its],
            history.volatility[rows][is_its],
            base[is_its],
            champion[is_its],
        )
        found[ticker] = own.judged(ticker, candidates, known, n_trials, gate)
    return found
