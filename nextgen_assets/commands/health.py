"""``nextgen health`` for people and monitors, ``nextgen metrics`` for Prometheus."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import click
import dagster as dg

from nextgen_assets.commands.home import enter_home
from nextgen_assets.definitions import warehouse_of
from nextgen_assets.vital_signs import EXIT_CODES, LEVELS, Level, Sign, vital_signs, worst
from nextgen_resources.clock import SystemClock
from nextgen_resources.settings.schema import Settings

_COLOURS: dict[Level, str] = {"ok": "green", "warn": "yellow", "fail": "red", "unknown": "magenta"}


def look(settings: Settings) -> list[Sign]:
    """The vital signs of a scenario now."""
    enter_home(settings)
    with dg.DagsterInstance.get() as instance:
        return vital_signs(warehouse_of(settings), settings, instance, SystemClock().now())


def print_health(settings: Settings, as_json: bool) -> int:
    """Print the signs; the exit code of a monitor: 0 ok, 1 warning, 2 failure, 3 unknown."""
    signs = look(settings)
    level = worst(signs)
    if as_json:
        click.echo(json.dumps({"status": level, "signs": [asdict(sign) for sign in signs]}, indent=2))
        return EXIT_CODES[level]
    width = max(len(sign.subject) for sign in signs)
    for sign in signs:
        word = click.style(f"{sign.level:7}", fg=_COLOURS[sign.level])
        click.echo(f"{word}  {sign.subject:{width}}  {sign.message}")
    click.echo(f"{settings.scenario_id}: {level}")
    return EXIT_CODES[level]


class Collector:
    """Looks at every scrape, so that what is exported is never older than the question."""

    def __init__(self, look_now: Callable[[], list[Sign]]) -> None:
        self._look, self._lock = look_now, threading.Lock()

    def collect(self) -> Iterator[Any]:
        """Gauges ``nextgen_status`` (0 ok, 1 warn, 2 fail, 3 unknown) and ``nextgen_value``, by subject."""
        from prometheus_client.core import GaugeMetricFamily

        with self._lock:
            signs = self._look()
        levels = GaugeMetricFamily("nextgen_status", "0 ok, 1 warn, 2 fail, 3 unknown.", labels=["subject"])
        values = GaugeMetricFamily(
            "nextgen_value",
            "Sessions behind, dead letters, failed runs; else 0 or the level.",
            labels=["subject"],
        )
        for sign in signs:
            levels.add_metric([sign.subject], LEVELS.index(sign.level))
            values.add_metric([sign.subject], sign.value)
        yield levels
        yield values


def serve_metrics(settings: Settings, host: str, port: int) -> tuple[Any, threading.Thread]:
    """Serve ``/metrics`` in a thread; returns the server and its thread."""
    from prometheus_client import CollectorRegistry, start_http_server

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collector(lambda: look(settings)))
    server, thread = start_http_server(port, addr=host, registry=registry)
    return server, thread
