"""The log as JSON lines: one object a line that says which scenario, run, asset and partition it is about.

Fields: ``at`` (ISO 8601, UTC), ``level``, ``message``, ``scenario_id``, and, inside a run, ``run_id``, ``job``, ``step``,
``asset``, ``partition``, ``event`` (Dagster's event type); ``error`` with the traceback of an exception. Lines go to
standard error, or to one file that every process appends to whole lines; an external program may rotate it. Whatever the
text says, the values of the credentials of the settings are never in it.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from nextgen_resources.settings.loader import load_settings
from nextgen_resources.settings.schema import Settings

HIDDEN = "[secret]"
_SHORTEST_SECRET = 4
_PARTITION = "dagster/partition"
_RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


class JsonLines(logging.Formatter):
    """One record as one line of JSON.

    Parameters
    ----------
    settings : Settings
        Whose scenario is named and whose credentials are hidden.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._scenario = settings.scenario_id
        self._secrets = secrets_of(settings)

    def format(self, record: logging.LogRecord) -> str:
        """The line; never more than one, whatever the message holds."""
        about: Mapping[str, Any] = getattr(record, "dagster_meta", None) or {}
        tags: Mapping[str, str] = about.get("job_tags") or {}
        step = about.get("step_key")
        happened = about.get("dagster_event")
        fields = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": about.get("orig_message") or record.getMessage(),
            "scenario_id": self._scenario,
            "run_id": about.get("run_id"),
            "job": about.get("job_name"),
            "step": step,
            "asset": _asset(step, happened),
            "partition": _partition(tags),
            "event": happened.event_type_value if happened is not None else None,
            "error": self._error(record, happened),
        }
        return self.hide(
            json.dumps(
                {name: value for name, value in fields.items() if value is not None}, ensure_ascii=False
            )
        )

    def hide(self, text: str) -> str:
        """The text without the values of credentials."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text

    def _error(self, record: logging.LogRecord, happened: Any) -> str | None:
        if record.exc_info and record.exc_info[0] is not None:
            return self.formatException(record.exc_info)
        failure = getattr(getattr(happened, "event_specific_data", None), "error", None)
        chain = []
        while failure is not None:
            chain.append(str(failure.to_string()))
            failure = failure.cause
        return "caused by: ".join(chain) or None


def secrets_of(settings: Settings) -> list[str]:
    """The values of the credentials, and each as JSON writes it; the longest first."""
    found = set()
    for value in dict(settings.credentials).values():
        if isinstance(value, SecretStr) and len(value.get_secret_value()) >= _SHORTEST_SECRET:
            text = value.get_secret_value()
            found |= {text, json.dumps(text, ensure_ascii=False)[1:-1]}
    return sorted(found, key=len, reverse=True)


class AppendedFile(logging.Handler):
    """Adds each line to a file with one write, and holds nothing open.

    Notes
    -----
    Many processes write to it and Dagster makes a handler for each of their runs: whole lines do not mingle, a rotated
    file is begun anew, and no handle is left behind.
    """

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; a disk that refuses is told by ``logging``, and the run goes on."""
        try:
            line = f"{self.format(record)}\n".encode()
            handle = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
            try:
                os.write(handle, line)
            finally:
                os.close(handle)
        except OSError:
            self.handleError(record)


def handler_of(settings: Settings) -> logging.Handler:
    """Where lines go: the file of the settings, or standard error."""
    handler: logging.Handler
    if settings.logs.file is None:
        handler = logging.StreamHandler(sys.stderr)
    else:
        settings.logs.file.parent.mkdir(parents=True, exist_ok=True)
        handler = AppendedFile(settings.logs.file)
    handler.setFormatter(JsonLines(settings))
    return handler


class RunLog(logging.Handler):
    """The handler that ``python_logs`` of ``dagster.yaml`` names: it hears every record of every run.

    Notes
    -----
    Dagster makes it by its name in each process that runs something, so it reads the settings itself. With
    ``logs.format: text`` it says nothing: Dagster's own lines are enough.
    """

    def __init__(self) -> None:
        super().__init__()
        settings = load_settings()
        self._lines = handler_of(settings) if settings.logs.format == "json" else None
        self._least = logging.getLevelName(settings.logs.level)

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, if it is severe enough."""
        if self._lines is not None and record.levelno >= self._least:
            self._lines.handle(record)


def log_services(settings: Settings) -> None:
    """Let what this process logs outside runs (``nextgen serve`` and so on) be written the same way."""
    root = logging.getLogger("nextgen")
    for name in ("nextgen", "nextgen_resources", "nextgen_assets"):
        logger = logging.getLogger(name)
        logger.setLevel(settings.logs.level)
        if settings.logs.format == "json":
            logger.handlers = [handler_of(settings)] if logger is root else list(root.handlers)
            logger.propagate = False


def _asset(step: str | None, happened: Any) -> str | None:
    key = getattr(happened, "asset_key", None)
    if key is not None:
        return str(key.to_user_string())
    return step.split("__")[0] if step else None


def _partition(tags: Mapping[str, str]) -> str | None:
    if _PARTITION in tags:
        return tags[_PARTITION]
    span = [tags.get(name) for name in _RANGE]
    return "..".join(map(str, span)) if all(span) else None
