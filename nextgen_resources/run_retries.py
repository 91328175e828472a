"""Retries of runs that Dagster's daemon would lose.

A run that fails is told in two steps: its event first, its status and the tag ``dagster/will_retry`` after that. The
stock daemon that retries runs looks for new events every five seconds and passes each by once. An event that it meets
between the two steps belongs to a run that has not failed yet, so it is passed by for good; the same happens to all that
failed before the daemon's first look. The backfill of such a run then waits for its retry for ever.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Iterator
from datetime import timedelta
from typing import Any

from dagster._core.workspace.context import IWorkspaceProcessContext
from dagster._daemon import controller
from dagster._daemon.auto_run_reexecution.auto_run_reexecution import (
    consume_new_runs_for_automatic_reexecution,
)
from dagster._daemon.auto_run_reexecution.event_log_consumer import EventLogConsumerDaemon
from dagster._time import get_current_datetime

from nextgen_resources.promised_retries import promised_retries

_LOOK_SECONDS = 30.0
_LOOK_BACK = timedelta(days=1)


class RetryKeeper(EventLogConsumerDaemon):
    """The stock daemon, which also finds failed runs whose retry was promised and never made.

    Notes
    -----
    Dagster's own function makes the retry; it makes none where there is one. What it declines (the backfill has
    ended, say) is not asked again by this process.
    """

    def __init__(self, look_seconds: float = _LOOK_SECONDS, **options: Any) -> None:
        super().__init__(**options)
        self._look_seconds = look_seconds
        self._next_look = 0.0
        self._declined: set[str] = set()

    def run_iteration(
        self, workspace_process_context: IWorkspaceProcessContext[Any]
    ) -> Generator[Any, None, None]:
        """One look of the stock daemon, and one for lost retries when it is time."""
        yield from super().run_iteration(workspace_process_context)
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + self._look_seconds
            yield from self._make_up(workspace_process_context, self._logger)

    def _make_up(self, context: IWorkspaceProcessContext[Any], logger: logging.Logger) -> Iterator[None]:
        promised = promised_retries(context.instance, get_current_datetime() - _LOOK_BACK)
        lost = [record for record in promised if record.dagster_run.run_id not in self._declined]
        for record in lost:
            logger.info(
                f"The retry of run {record.dagster_run.run_id} was promised and never made; making it up."
            )
        yield from consume_new_runs_for_automatic_reexecution(context, lost, logger)
        self._declined |= {record.dagster_run.run_id for record in lost}


def keep_retries() -> None:
    """Have the daemon of this process be a `RetryKeeper` where it would be the stock one."""
    controller.EventLogConsumerDaemon = RetryKeeper  # type: ignore[assignment, attr-defined]
