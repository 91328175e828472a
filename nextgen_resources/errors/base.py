"""The root of all errors."""

from typing import ClassVar


class NextGenError(Exception):
    """Base of every error of this project.

    Catch it only at the edge (command line, webhook worker); show its message, which names the next step.
    """

    is_retryable: ClassVar[bool] = False
