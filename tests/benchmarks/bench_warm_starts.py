"""What a walk-forward costs when networks go on from earlier months, and what it loses out of sample.

``python -m tests.benchmarks.bench_warm_starts [first_session] [last_session]``: the embedded history, every month
trained from scratch, and with blocks of 3 and 12 months; each model is scored on the sessions of the month it serves.
CPU seconds of training the network in one process; the loss beside scratch with its standard error over months.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np

from nextgen_assets.domain.metrics import log_loss
from nextgen_assets.domain.models import load_family
from nextgen_assets.domain.scaling import FeatureScaler
from nextgen_assets.domain.trained_model import MODEL_PREFIX, SCALER_PREFIX, TrainedModel
from nextgen_assets.domain.training_data import TrainingData
from nextgen_assets.domain.walk_forward import walk_forward
from nextgen_assets.model_registry import anchored_cutoffs, trainable
from nextgen_assets.partitions import month_sessions
from tests.graph.harness import built

BLOCKS = (1, 3, 12)


def months_between(first: date, last: date) -> list[date]:
    """First days of the months from ``first`` to ``last``."""
    numbers = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return [date(number // 12, number % 12 + 1, 1) for number in numbers]


def served_loss(model: TrainedModel, data: TrainingData, served: list[date]) -> float:
    """Log loss of a model on the matured windows of the sessions it serves; NaN where there is none."""
    places = [data.calendar.index(day) for day in served]
    rows = np.flatnonzero(np.isin(data.session_index, places) & data.is_usable)
    if not rows.size:
        return float("nan")
    parts = [
        {name.removeprefix(prefix): array for name, array in model.arrays.items() if name.startswith(prefix)}
        for prefix in (SCALER_PREFIX, MODEL_PREFIX)
    ]
    family = load_family(model.family)
    fitted = family.from_arrays(parts[1], family.config_from(model.config["model"]))
    windows = FeatureScaler.from_arrays(parts[0]).transform(data.store.gather(data.store.complete[rows]))
    return log_loss(fitted.predict(windows)[0], (data.forward_return[rows] > 0).astype(np.float64))


def main(first: str = "2004-01-02", last: str = "2007-12-31") -> None:
    """Prepare the inputs once, then train with each length of block."""
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    defaults = {
        "models.train_sessions": 500,
        "models.lstm.hidden_size": 24,
        "models.lstm.epochs": 8,
        "features.lookback_sessions": 20,
        "ingestion.first_session": begin,
        "ingestion.last_session": end,
    }
    months = months_between(begin, end)
    with tempfile.TemporaryDirectory() as folder, built(Path(folder), defaults) as scenario:
        scenario.run("prepare_inputs", begin, end)
        cutoffs = [month_sessions(month)[-1] for month in months]
        chosen, _ = trainable(scenario.warehouse, scenario.settings, cutoffs)
    chosen = [
        (
            replace(
                data, settings=replace(data.settings, families={"lstm": dict(data.settings.families["lstm"])})
            ),
            day,
        )
        for data, day in chosen
    ]
    following = dict(zip(cutoffs, months[1:], strict=False))
    losses: dict[int, list[float]] = {}
    walk_forward(chosen[:1], {chosen[0][1]: chosen[0][1]})  # libraries are loaded, kernels compiled
    for block in BLOCKS:
        started = time.process_time()
        models = walk_forward(chosen, anchored_cutoffs(months, block))
        seconds = time.process_time() - started
        losses[block] = [
            served_loss(model, chosen[0][0], month_sessions(following[model.cutoff_session]))
            for model in models
            if model.cutoff_session in following
        ]
        apart = [
            new - old for new, old in zip(losses[block], losses[1], strict=True) if np.isfinite(new - old)
        ]
        error = statistics.stdev(apart) / len(apart) ** 0.5 if any(apart) else 0.0
        passes = statistics.mean(len(model.curve) for model in models)
        print(
            f"blocks of {block:2d} months: {seconds:6.1f} CPU s for {len(models)} networks, {passes:.1f} passes each; "
            f"log loss served {np.nanmean(losses[block]):.4f}, beside scratch {statistics.mean(apart):+.4f} +- {error:.4f}",
            flush=True,
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
