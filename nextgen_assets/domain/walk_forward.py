"""Many cut-offs, in processes beside each other: those that begin from scratch first, then those that go on from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from itertools import chain, islice

from nextgen_assets.domain.checkpoints import Checkpoints
from nextgen_assets.domain.models import RefinableFamily, load_family
from nextgen_assets.domain.trained_model import TrainedModel
from nextgen_assets.domain.training import train_cutoff
from nextgen_assets.domain.training_data import TrainingData
from nextgen_assets.domain.training_job import Start, TrainingJob

Report = Callable[[str], None]


def anchor_month(month: date, warm_start_months: int) -> date:
    """The first month of the block of ``warm_start_months`` months that ``month`` lies in.

    Examples
    --------
    >>> anchor_month(date(2009, 11, 1), 12)
    datetime.date(2009, 1, 1)
    >>> anchor_month(date(2009, 11, 1), 1)
    datetime.date(2009, 11, 1)
    """
    number = month.year * 12 + month.month - 1
    number -= number % warm_start_months
    return date(number // 12, number % 12 + 1, 1)


def walk_forward(
    chosen: Sequence[tuple[TrainingData, date]],
    anchors: Mapping[date, date],
    n_workers: int = 1,
    checkpoints: Checkpoints | None = None,
    report: Report | None = None,
) -> list[TrainedModel]:
    """Train cut-offs, each from scratch or from the model of its anchor.

    Parameters
    ----------
    chosen : sequence of (TrainingData, date)
        Every cut-off that is wanted and every anchor that can be trained, with the data that each may see.
    anchors : mapping of date to date
        For each wanted cut-off the one that it goes on from, itself or an earlier one; one that is not among
        ``chosen`` is as good as itself.
    n_workers, checkpoints, report
        As for :func:`train_cutoffs`.

    Returns
    -------
    list of TrainedModel
        Of the wanted cut-offs, ascending, each in the order of its families. A cut-off gives the same bytes
        alone and in any range: its anchor hangs on the calendar alone, and is itself trained from scratch.
    """
    data = {cutoff: one for one, cutoff in chosen}
    goes_on = {
        cutoff: anchor
        for cutoff, anchor in anchors.items()
        if cutoff in data and anchor != cutoff and anchor in data
    }
    wanted = sorted(cutoff for cutoff in anchors if cutoff in data)
    first = sorted({*goes_on.values(), *(cutoff for cutoff in wanted if cutoff not in goes_on)})
    with _workers(n_workers):
        scratch = (data[cutoff].job(cutoff) for cutoff in first)
        made = train_cutoffs(scratch, n_workers, checkpoints, report)
        starts: dict[date, dict[str, Start]] = {}
        for model in made:
            if isinstance(load_family(model.family), RefinableFamily):
                starts.setdefault(model.cutoff_session, {})[model.family] = Start.of(model)
        later = (
            replace(data[cutoff].job(cutoff), starts=starts.get(anchor, {}))
            for cutoff, anchor in sorted(goes_on.items())
        )
        made += train_cutoffs(later, n_workers, checkpoints, report)
    return sorted(
        (model for model in made if model.cutoff_session in set(wanted)),
        key=lambda model: model.cutoff_session,
    )


def train_cutoffs(
    jobs: Iterable[TrainingJob],
    n_workers: int = 1,
    checkpoints: Checkpoints | None = None,
    report: Report | None = None,
) -> list[TrainedModel]:
    """Train many cut-offs, in ``n_workers`` processes.

    Parameters
    ----------
    jobs : iterable of TrainingJob
        Read lazily: only a few jobs per worker are in memory.
    n_workers : int
        Processes; with 1, or for a single job, this process trains, a network on as many threads.
    checkpoints : Checkpoints, optional
        As for :func:`train_cutoff`.
    report : callable, optional
        Gets a line about every cut-off as it is done, in order.

    Returns
    -------
    list of TrainedModel
        In the order of the jobs and of their families. The same bytes for any number of workers, because
        every job shares nothing, and sums have a fixed order.

    Raises
    ------
    ValueError
        If ``n_workers`` is below 1.
    """
    if n_workers < 1:
        raise ValueError(f"n_workers={n_workers}, expected at least 1")
    remaining = iter(jobs)
    head = list(islice(remaining, 2))
    everything = chain(head, remaining)
    models: list[TrainedModel] = []
    with _workers(n_workers):
        for done in _trained(everything, n_workers if len(head) > 1 else 1, n_workers, checkpoints):
            models += done
            if report is not None:
                report(_line(done))
    return models


def _trained(
    jobs: Iterable[TrainingJob], n_processes: int, n_threads: int, checkpoints: Checkpoints | None
) -> Iterator[tuple[TrainedModel, ...]]:
    if n_processes == 1:
        from nextgen_assets.domain.halved_batches import training_threads

        with training_threads(n_threads):
            for job in jobs:
                yield train_cutoff(job, checkpoints)
        return
    from joblib import Parallel, delayed

    parallel = Parallel(
        n_jobs=n_processes, backend="loky", max_nbytes=None, pre_dispatch="2*n_jobs", return_as="generator"
    )
    yield from parallel(delayed(train_cutoff)(job, checkpoints) for job in jobs)


_open_pools: list[int] = []


@contextmanager
def _workers(n_workers: int) -> Iterator[None]:
    """Processes that are started inside stay until the outermost of these ends."""
    _open_pools.append(n_workers)
    try:
        yield
    finally:
        _open_pools.pop()
        if n_workers > 1 and not _open_pools:
            from joblib.externals.loky import get_reusable_executor

            get_reusable_executor().shutdown(wait=True)


def _line(models: tuple[TrainedModel, ...]) -> str:
    passes = ", ".join(
        f"{model.family} {len(model.curve)} {'step' if len(model.curve) == 1 else 'steps'}"
        for model in models
    )
    return f"cut-off {models[0].cutoff_session}: {models[0].window_count} windows; {passes}"
