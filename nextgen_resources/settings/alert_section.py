"""Settings of what is told to other systems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, PlainSerializer

from nextgen_resources.alerts.messages import KINDS
from nextgen_resources.settings.field_types import Name, RealNumber, Section, WholeNumber
from nextgen_resources.settings.frozen_mapping import FrozenMapping


def _bare_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username or parts.password:
        raise ValueError("each receiver is an http(s) URL with a host and without a password")
    return url


def _known_kinds(kinds: tuple[str, ...]) -> tuple[str, ...]:
    strangers = sorted(set(kinds) - set(KINDS))
    if strangers:
        raise ValueError(f"expected kinds among {', '.join(KINDS)}, found {', '.join(strangers)}")
    return kinds


Receivers = Annotated[
    Mapping[Name, Annotated[str, AfterValidator(_bare_url)]],
    AfterValidator(FrozenMapping),
    PlainSerializer(dict, return_type=dict[str, str]),
]


class AlertSettings(Section):
    """Who is told what by webhook. Changes no row."""

    receivers: Receivers = Field(
        description="URLs that are told, by a name of yours; only these are ever called"
    )
    kinds: Annotated[tuple[str, ...], AfterValidator(_known_kinds)] = Field(
        description="kinds of events to tell; an empty list: all"
    )
    private_hosts: tuple[str, ...] = Field(
        description="hosts of receivers that may lie at a private address and speak http, such as localhost; others are refused"
    )
    timeout_seconds: RealNumber = Field(gt=0, le=60, description="seconds that one delivery may take")
    attempts: WholeNumber = Field(ge=1, le=50, description="attempts before a delivery is a dead letter")
    backoff_seconds: RealNumber = Field(
        gt=0, le=3_600, description="wait before the second attempt; each later one is twice as long"
    )
    longest_wait_seconds: RealNumber = Field(gt=0, le=86_400, description="longest wait between attempts")

    @property
    def wanted_kinds(self) -> tuple[str, ...]:
        """The kinds that are told."""
        return self.kinds or KINDS
