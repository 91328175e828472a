"""How every group of commands tells an error of the project: in words, without a traceback."""

import sys
from typing import Any

import click

from nextgen_resources.errors import NextGenError


class FriendlyGroup(click.Group):
    """Shows our own errors as one message, not as a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; exit with 1 and the message of a NextGenError."""
        try:
            return super().invoke(ctx)
        except NextGenError as error:
            click.echo(f"{type(error).__name__}: {error}", err=True)
            sys.exit(1)
