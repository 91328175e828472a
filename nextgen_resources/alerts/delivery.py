"""Signed webhooks to allow-listed receivers: at least once, with back-off, then a dead letter."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from nextgen_resources.alerts.outbox import Delivery, Outbox
from nextgen_resources.clock import Clock
from nextgen_resources.errors import NextGenError, SettingsError
from nextgen_resources.http.addresses import check_peer, check_url
from nextgen_resources.settings.alert_section import AlertSettings

_LEASE_MARGIN_SECONDS = 30.0
_BATCH = 50
_QUOTED = 200


@dataclass(frozen=True)
class Outcome:
    """What one pass over the outbox did."""

    delivered: int = 0
    failed: int = 0
    dead: int = 0


class Dispatcher:
    """Empties an outbox.

    Parameters
    ----------
    settings : AlertSettings
        Receivers, time-out, attempts.
    secret : str or None
        ``whsec_`` and base64, or any text; two of them, apart by a space, while one replaces the other.
    jitter : callable
        A draw from 0 to 1; spreads attempts.

    Raises
    ------
    SettingsError
        If there are receivers and no secret: an unsigned webhook can be forged by anybody.

    Notes
    -----
    Signed as Standard Webhooks says: ``webhook-id``, ``webhook-timestamp``, ``webhook-signature``. Redirects are
    not followed, and the address that answers is looked at before it counts. A batch is leased for as long
    as its time-outs can add up to, so that a worker that dies delays it and loses nothing.
    """

    def __init__(
        self,
        settings: AlertSettings,
        secret: str | None,
        clock: Clock,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        if settings.receivers and not secret:
            raise SettingsError(
                "alerts.receivers are set, but credentials.webhook_signing_secret is not; set "
                "NEXTGEN__CREDENTIALS__WEBHOOK_SIGNING_SECRET, for example to the output of "
                "`python -c 'import base64, secrets; print(\"whsec_\" + base64.b64encode(secrets.token_bytes(24)).decode())'`"
            )
        self._settings, self._clock, self._jitter = settings, clock, jitter
        self._secrets = [_key(text) for text in (secret or "").split()]

    def deliver(self, outbox: Outbox, most: int = 500) -> Outcome:
        """Send what is due, ``most`` deliveries at most."""
        receivers = dict(self._settings.receivers)
        if not receivers:
            return Outcome()
        done = {"delivered": 0, "failed": 0, "dead": 0}
        seconds = self._settings.timeout_seconds
        with self._client() as client:
            while sum(done.values()) < most:
                batch = min(_BATCH, most - sum(done.values()))
                lease = batch * seconds + _LEASE_MARGIN_SECONDS
                claimed = outbox.claim(list(receivers), self._clock.now(), lease, batch)
                if not claimed:
                    break
                for delivery in claimed:
                    done[self._one(client, outbox, delivery, receivers)] += 1
        return Outcome(**done)

    def _one(self, client: Any, outbox: Outbox, delivery: Delivery, receivers: Mapping[str, str]) -> str:
        error = self._send(client, delivery, receivers[delivery.receiver])
        now = self._clock.now()
        if error is None:
            outbox.delivered(delivery, now)
            return "delivered"
        next_at = None
        if delivery.attempt < self._settings.attempts:
            next_at = now + timedelta(seconds=self._wait(delivery.attempt))
        outbox.failed(delivery, error, next_at, now)
        return "dead" if next_at is None else "failed"

    def _wait(self, attempt: int) -> float:
        """Seconds before the next attempt: doubled each time, between half and the whole of it."""
        ceiling = min(
            self._settings.backoff_seconds * 2.0 ** (attempt - 1), self._settings.longest_wait_seconds
        )
        return ceiling * (0.5 + self._jitter() / 2)

    def _send(self, client: Any, delivery: Delivery, url: str) -> str | None:
        """None when the receiver said 2xx, else what happened, without the body of its answer."""
        import httpx

        host = urlsplit(url).hostname or ""
        is_stated = host in self._settings.private_hosts
        who = f"the receiver {delivery.receiver}"
        try:
            if not is_stated:
                check_url(url, who, hosts={host})
            with client.stream("POST", url, content=delivery.body, headers=self._headers(delivery)) as answer:
                stream = answer.extensions.get("network_stream")
                peer = stream.get_extra_info("server_addr") if stream is not None else None
                if peer and not is_stated:
                    check_peer(str(peer[0]), who)
                if 200 <= answer.status_code < 300:
                    return None
                return f"{who} answered {answer.status_code}"
        except NextGenError as error:
            return str(error)[:_QUOTED]
        except httpx.HTTPError as error:
            return f"{who}: {type(error).__name__}: {error}"[:_QUOTED]

    def _headers(self, delivery: Delivery) -> dict[str, str]:
        from standardwebhooks import Webhook

        moment = datetime.fromtimestamp(int(self._clock.now().timestamp()), UTC)
        signatures = [
            Webhook(secret).sign(delivery.message_id, moment, delivery.body) for secret in self._secrets
        ]
        return {
            "content-type": "application/json",
            "user-agent": "NextGen",
            "webhook-id": delivery.message_id,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": " ".join(signatures),
        }

    def _client(self) -> Any:
        import httpx

        return httpx.Client(timeout=self._settings.timeout_seconds, follow_redirects=False, trust_env=False)


def _key(text: str) -> bytes:
    """The bytes of a secret: base64 after ``whsec_``, otherwise the text itself."""
    if not text.startswith("whsec_"):
        return text.encode()
    try:
        return base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except ValueError:
        raise SettingsError(
            "credentials.webhook_signing_secret begins with whsec_ but is not followed by base64; correct it, or "
            "leave the prefix away to use the text as it is"
        ) from None
