"""One thing that happened, as it is told to other systems."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

Kind = Literal[
    "run_failed",
    "check_failed",
    "feed_stale",
    "prediction_issued",
    "prediction_validated",
    "outcome_revised",
    "trade_executed",
    "retrain_requested",
    "drawdown_brake",
]
KINDS: tuple[str, ...] = get_args(Kind)
"""What can be told, in the order of the documentation."""


@dataclass(frozen=True)
class Message:
    """One event.

    Parameters
    ----------
    kind : str
        One of ``KINDS``.
    subject : str
        What it is about: a session, a run, a check. With the kind and the scenario it makes the identity.
    occurred_at : datetime
        Aware; when it happened.
    data : mapping
        JSON values for the receiver; no secrets.
    """

    kind: Kind
    scenario_id: str
    subject: str
    occurred_at: datetime
    data: Mapping[str, Any]

    @property
    def message_id(self) -> str:
        """The same for the same event, however often it is found: the receiver's key against doubles."""
        identity = json.dumps([self.kind, self.scenario_id, self.subject], separators=(",", ":"))
        return f"msg_{hashlib.sha256(identity.encode()).hexdigest()[:32]}"

    @property
    def body(self) -> str:
        """What is sent, as JSON: ``type``, ``timestamp`` and ``data``, as Standard Webhooks advises."""
        document = {
            "type": f"nextgen.{self.kind}",
            "timestamp": self.occurred_at.isoformat(),
            "data": {"scenario_id": self.scenario_id, "subject": self.subject, **self.data},
        }
        return json.dumps(document, separators=(",", ":"), sort_keys=True, allow_nan=False)
