"""The answers of an unfinished run in Redis, for scenarios that run on several machines (extra ``redis``)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from nextgen_resources.clock import Clock, SystemClock
from nextgen_resources.errors import SettingsError
from nextgen_resources.http.answers import Answer

_PREFIX = "nextgen:answer:"


class RedisCache:
    """Answers in Redis, which forgets them by itself when their time is over.

    Parameters
    ----------
    url : str
        ``redis://host:port/database``; never shown.
    scenario_id : str
        Whose answers these are: scenarios that share a Redis share no answer.
    clock : Clock, optional
        Tells when an answer was kept: the clock of the calls, by whose times answers are spent.
    """

    def __init__(self, url: str, scenario_id: str, clock: Clock | None = None) -> None:
        self._url = url
        self._prefix = f"{_PREFIX}{scenario_id}:"
        self._clock = clock or SystemClock()
        self._client: Any = None

    def keep(self, key: str, answer: Answer, ttl_seconds: float) -> None:
        """Keep ``answer`` under ``key`` for so many seconds."""
        head = {
            "url": answer.url,
            "status": answer.status,
            "headers": dict(answer.headers),
            "kept_at": self._clock.now().isoformat(),
        }
        value = json.dumps(head).encode() + b"\n" + answer.body
        with self._told():
            self._redis().set(self._prefix + key, value, px=max(1, int(ttl_seconds * 1000)))

    def kept(self, key: str) -> Answer | None:
        """The answer under ``key``, or None when there is none or its time is over."""
        with self._told():
            value = self._redis().get(self._prefix + key)
        if value is None:
            return None
        head, _, body = value.partition(b"\n")
        known = json.loads(head)
        return Answer(known["url"], known["status"], known["headers"], body)

    def spend(self, until: datetime) -> None:
        """Forget the answers that were kept up to ``until``."""
        client = self._redis()
        with self._told():
            for name in client.scan_iter(match=glob_escaped(self._prefix) + "*"):
                value = client.get(name)
                if (
                    value is not None
                    and json.loads(value.partition(b"\n")[0])["kept_at"] <= until.isoformat()
                ):
                    client.delete(name)

    @contextmanager
    def _told(self) -> Iterator[None]:
        self._redis()
        import redis

        try:
            yield
        except redis.RedisError as error:
            raise SettingsError(
                f"the Redis of credentials.redis_url cannot be used ({type(error).__name__}); start it, correct the "
                "address, or unset REDIS_URL to keep the answers in a file"
            ) from error

    def _redis(self) -> Any:
        if self._client is None:
            try:
                import redis
            except ImportError as error:
                raise SettingsError(
                    "credentials.redis_url is set, but the package redis is not installed; run: "
                    "pip install 'nextgen[redis]'"
                ) from error
            self._client = redis.Redis.from_url(self._url, socket_timeout=5, socket_connect_timeout=5)
        return self._client


def glob_escaped(text: str) -> str:
    """``text`` as a pattern of Redis that matches nothing but itself.

    Examples
    --------
    >>> glob_escaped("what*")
    'what[*]'
    """
    return "".join(f"[{mark}]" if mark in "*?[" else mark for mark in text)
