"""Where the time of walk-forward training goes: seconds and share of every stage, and what all months would take.

``python -m tests.benchmarks.bench_training_account [tickers] [first] [last] [cutoffs] [families]``: the S&P 500 bars where
they are at hand, else the embedded history; the inputs are prepared by the real graph, then cut-offs evenly spread
over the second half of the range are trained one after the other with the settings of the product, checkpoints and
the store of artifacts included, on one thread. CPU seconds; each second is counted in one stage. Families are named
with commas between them. With ``here`` in place of the number of tickers nothing is prepared: the account is of the
scenario that the environment names, such as one that bench_sp500 has kept. Else the last session is at most that of the
embedded history, 2013-02-28: partitions end there.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from functools import reduce
from pathlib import Path

from nextgen_assets.definitions import warehouse_of
from nextgen_assets.domain.training import train_cutoff
from nextgen_assets.domain.training_account import TrainingAccount, accounted_in, spent_on
from nextgen_assets.domain.training_data import TrainingData
from nextgen_assets.domain.training_job import TrainingJob
from nextgen_assets.model_registry import trainable
from nextgen_assets.partitions import month_sessions
from nextgen_resources.model_store import ModelStore
from nextgen_resources.settings.loader import load_settings
from nextgen_resources.settings.schema import Settings
from nextgen_resources.training_checkpoints import TrainingCheckpoints
from nextgen_resources.warehouse.warehouse import Warehouse
from tests.benchmarks.bench_warm_starts import months_between
from tests.graph.harness import SMALL, built

DATA = Path(__file__).parents[3] / "shared" / "data" / "sp500_daily_2003_2017"


def overrides(tickers: str, first: date, last: date) -> dict[str, object]:
    """Settings of the run; everything that is not named is as a user has it, not as the tests make it smaller."""
    defaults = load_settings(environ={})
    own: dict[str, object] = {name: reduce(getattr, name.split("."), defaults) for name in SMALL}
    own |= {"ingestion.first_session": first, "ingestion.last_session": last}
    if not DATA.is_dir():
        print(f"the S&P 500 bars are not at {DATA}; the embedded history instead")
        return own
    return own | {
        "ingestion.provider": "files",
        "ingestion.provider_options": {"path": str(DATA)},
        "ingestion.max_tickers": int(tickers),
    }


@contextmanager
def prepared(folder: Path, tickers: str, first: str, last: str) -> Iterator[tuple[Warehouse, Settings]]:
    """A warehouse with windows, and its settings: what the environment names, or one that is built here."""
    if tickers == "here":
        settings = load_settings()
        yield warehouse_of(settings), settings
        return
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    with built(folder, overrides(tickers, begin, end)) as scenario:
        scenario.run("prepare_inputs", begin, end)
        yield scenario.warehouse, scenario.settings


def print_account(seconds: dict[tuple[str, ...], float], n_cutoffs: int, n_months: int) -> None:
    """A line per stage, the longest first within its outer stage, and the sum over all months."""
    total = sum(seconds.values())
    print(f"{'stage':44s} {'s a cut-off':>12} {'share':>7} {'all months':>11}")

    def weight(path: tuple[str, ...]) -> float:
        return sum(spent for other, spent in seconds.items() if other[: len(path)] == path)

    def below(path: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
        children = {
            other[: len(path) + 1] for other in seconds if other[: len(path)] == path and other != path
        }
        return sorted(children, key=weight, reverse=True)

    def show(path: tuple[str, ...]) -> None:
        spent, children = weight(path), list(below(path))
        name = "  " * (len(path) - 1) + path[-1]
        print(
            f"{name:44s} {spent / n_cutoffs:12.3f} {spent / total:7.1%} {spent / n_cutoffs * n_months / 60:7.1f} min"
        )
        for child in children:
            show(child)
        rest = seconds.get(path, 0.0)
        if children and rest:
            print(f"{'  ' * len(path) + 'the rest of it':44s} {rest / n_cutoffs:12.3f} {rest / total:7.1%}")

    for path in below(()):
        show(path)
    print(f"{'in all':44s} {total / n_cutoffs:12.3f} {1:7.1%} {total / n_cutoffs * n_months / 3600:9.2f} h")


def main(
    tickers: str = "20",
    first: str = "2005-01-03",
    last: str = "2007-12-31",
    cutoffs: str = "2",
    families: str = "base_rate,logistic,lstm,gradient_boosting",
) -> None:
    """Prepare, train, and print where the time went."""
    with (
        tempfile.TemporaryDirectory() as folder,
        prepared(Path(folder), tickers, first, last) as (warehouse, settings),
    ):
        months = months_between(settings.ingestion.first_session, settings.ingestion.last_session)
        later = months[len(months) // 2 :]
        wanted = [month_sessions(later[round(n)])[-1] for n in _spread(len(later), int(cutoffs))]
        account = TrainingAccount(time.process_time)
        store = ModelStore(Path(folder, "models"))
        unfinished = TrainingCheckpoints(Path(folder, "unfinished"))
        warm, _ = trainable(warehouse, settings, wanted[:1])
        train_cutoff(_job(*warm[0], families))  # libraries are loaded, kernels compiled
        with accounted_in(account):
            with spent_on("read windows and labels"):
                chosen, skipped = trainable(warehouse, settings, wanted)
            for data, cutoff in chosen:
                with spent_on("cut out the windows of a cut-off"):
                    job = _job(data, cutoff, families)
                with spent_on("train"):
                    models = train_cutoff(job, unfinished)
                with spent_on("store"):
                    for model in models:
                        store.save(model.arrays, model.manifest())
                said = ", ".join(f"{model.family} {len(model.curve)}" for model in models)
                print(f"cut-off {cutoff}: {len(job.windows)} windows {job.windows.shape[1:]}; steps: {said}")
    for day, reason in skipped.items():
        print(f"cut-off {day}: left out, {reason}")
    print_account(account.seconds, len(chosen), len(months))


def _spread(count: int, wanted: int) -> list[float]:
    """``wanted`` places among ``count``, the last one included."""
    return [(count - 1) * (n + 1) / wanted for n in range(wanted)]


def _job(data: TrainingData, cutoff: date, families: str) -> TrainingJob:
    job = data.job(cutoff)
    known = job.settings.families
    named = {name: known.get(name, {}) for name in families.split(",")}
    return replace(job, settings=replace(job.settings, families=named))


if __name__ == "__main__":
    main(*sys.argv[1:])
