"""``nextgen serve``: the live models behind ``predict_batch`` on a socket."""

import asyncio
import logging
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from nextgen_assets.definitions import warehouse_of
from nextgen_assets.inference import Answer, BatchPredictor
from nextgen_resources.errors import WarehouseBusyError
from nextgen_resources.inference.protocol import Packed
from nextgen_resources.inference.server import BadParametersError, Server
from nextgen_resources.model_store import ModelStore
from nextgen_resources.settings.schema import Settings

MOST_WINDOWS = 10_000
"""Of one request."""
_LONGEST_ID = 200
_PACKED_KEPT = 100_000
_log = logging.getLogger("nextgen.serve")


def server_of(predictor: BatchPredictor) -> Server:
    """A server whose methods are those of the predictor; what is kept is answered without the worker thread."""

    pack = _Packing()

    def predict(params: Mapping[str, Any]) -> Packed:
        return pack(predictor.predict_batch(_window_ids(params)))

    def kept(params: Mapping[str, Any]) -> Packed | None:
        answers = _kept(predictor, params)
        return None if answers is None else pack(answers)

    def reload(_: Mapping[str, Any]) -> bool:
        return predictor.reload()

    return Server(
        {"predict_batch": predict, "reload": reload},
        fast={"health": lambda _: predictor.health()},
        kept={"predict_batch": kept},
    )


class _Packing:
    """Answers as bytes, each packed once: that is most of the time of a large request."""

    def __init__(self) -> None:
        self._packed: dict[str, tuple[Answer, Packed]] = {}

    def __call__(self, answers: list[Answer]) -> Packed:
        if len(self._packed) > _PACKED_KEPT:
            self._packed = {}
        return Packed.array([self._one(answer) for answer in answers])

    def _one(self, answer: Answer) -> Packed:
        held = self._packed.get(answer["window_id"])
        if held is not None and held[0] is answer:
            return held[1]
        packed = Packed.value(answer)
        self._packed[answer["window_id"]] = (answer, packed)
        return packed


def serve(settings: Settings, path: Path | None, host: str, port: int, reload_seconds: float) -> None:
    """Serve until SIGTERM or SIGINT, then drain."""
    predictor = BatchPredictor(warehouse_of(settings), settings, ModelStore(settings.models_dir))
    asyncio.run(_run(predictor, path, host, port, reload_seconds))


async def _run(
    predictor: BatchPredictor, path: Path | None, host: str, port: int, reload_seconds: float
) -> None:
    server, stop = server_of(predictor), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if path is not None:
        await server.start_unix(path)
        click.echo(f"serving {', '.join(server.methods)} at {path}")
    else:
        click.echo(f"serving {', '.join(server.methods)} at {host}:{await server.start_tcp(host, port)}")
    watcher = asyncio.create_task(_reload_on_promotion(predictor, reload_seconds))
    await stop.wait()
    watcher.cancel()
    await server.drain()
    click.echo("drained and stopped")


async def _reload_on_promotion(predictor: BatchPredictor, seconds: float) -> None:
    """Look at the deployments every so often; requests under way end on the models they began with."""
    while True:
        await asyncio.sleep(seconds)
        try:
            if await asyncio.to_thread(predictor.reload):
                _log.warning("the deployments have changed; new requests are answered by the models live now")
        except WarehouseBusyError as error:
            _log.warning("the deployments are looked at again later: %s", error)


def _kept(predictor: BatchPredictor, params: Mapping[str, Any]) -> list[Answer] | None:
    """The answers when all of them are kept, else None."""
    window_ids = _window_ids(params)
    found = predictor.lookup(window_ids)
    return [found[window_id] for window_id in window_ids] if len(found) == len(set(window_ids)) else None


def _window_ids(params: Mapping[str, Any]) -> list[str]:
    asked = params.get("window_ids")
    is_list = isinstance(asked, list) and all(
        isinstance(text, str) and len(text) <= _LONGEST_ID for text in asked
    )
    if not is_list or not 1 <= len(asked or ()) <= MOST_WINDOWS or set(params) != {"window_ids"}:
        raise BadParametersError(
            f"expected window_ids, a list of 1 to {MOST_WINDOWS:,} texts of at most {_LONGEST_ID} characters, and "
            f"nothing else; found the parameters {sorted(params)[:5]}"
        )
    return list(asked or ())
