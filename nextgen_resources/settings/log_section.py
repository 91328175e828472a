"""Settings of what is written to the log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from nextgen_resources.settings.field_types import Section


def _absolute(path: Path | None) -> Path | None:
    if path is not None and not path.is_absolute():
        raise ValueError(f"an absolute path is expected, found {path}: runs are started from several folders")
    return path


class LogSettings(Section):
    """How the log of runs and services is written. Changes no row."""

    format: Literal["text", "json"] = Field(
        description="text for people, or one JSON object a line with scenario, run, asset and partition"
    )
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = Field(
        description="the least severe that is written"
    )
    file: Annotated[Path | None, AfterValidator(_absolute)] = Field(
        description="file that every process adds JSON lines to, absolute; null: standard error"
    )
