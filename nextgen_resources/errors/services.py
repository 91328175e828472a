"""Alerts, inference, backups, the daemon: what a service refuses."""

from typing import ClassVar

from nextgen_resources.errors.base import NextGenError


class AlertError(NextGenError):
    """The outbox of alerts cannot be read or written.

    Check the disk; what was in the outbox is still there, and what happened is found again by the next tick.
    """


class InferenceError(NextGenError):
    """A request to the inference server was refused, or its bytes were no request.

    Read the message: it says what was expected. docs/inference.md describes the protocol.
    """


class WindowUnknownError(InferenceError):
    """A window was asked for that the warehouse does not hold under the feature set of the settings.

    Materialise feature_windows for its session, or ask by the ids that the table holds.
    """


class InferenceUnavailableError(InferenceError):
    """The inference server did not answer in time.

    Start it with ``nextgen serve``, or look at its log.
    """

    is_retryable: ClassVar[bool] = True


class BackupError(NextGenError):
    """A backup cannot be made, is damaged, or may not be restored over what is there.

    Nothing of the scenario was changed. The message says which file, and what to do.
    """


class DaemonRunningError(NextGenError):
    """Another daemon holds the lease of this instance: two would run each tick twice.

    Leave it at work, or stop it and start again; its lease ends with it, however it ends.
    """
