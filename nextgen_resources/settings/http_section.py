"""Settings of outgoing requests: how patient, how often, how long an answer is kept."""

from __future__ import annotations

from pydantic import Field

from nextgen_resources.settings.field_types import Rates, RealNumber, Section, WholeNumber


class HttpSettings(Section):
    """The one policy of every outgoing request. Changes no row, only how it is fetched."""

    timeout_seconds: RealNumber = Field(
        gt=0, le=120, description="seconds that one try may take, from connecting to the last byte"
    )
    tries: WholeNumber = Field(ge=1, le=3, description="times that one request is tried at most")
    backoff_seconds: RealNumber = Field(
        ge=0,
        le=60,
        description="the wait before try n+1 is drawn evenly between 0 and this times 2 to the power of n",
    )
    longest_wait_seconds: RealNumber = Field(
        ge=0, le=600, description="longest Retry-After that is waited for; a longer one fails at once"
    )
    requests_per_minute: RealNumber = Field(
        gt=0, le=60_000, description="requests to one provider, evenly spaced"
    )
    provider_requests_per_minute: Rates = Field(description="other rates, by name of the provider")
    breaker_failures: WholeNumber = Field(
        ge=1, le=100, description="failures in a row after which a provider is left alone"
    )
    breaker_cooldown_seconds: RealNumber = Field(
        gt=0, le=86_400, description="seconds until one request may test a provider that was left alone"
    )
    cache_ttl_seconds: RealNumber = Field(
        ge=0,
        le=604_800,
        description="seconds that the answers of an unfinished run are kept for its continuation; 0: none",
    )
    body_limit_bytes: WholeNumber = Field(
        ge=1_024, le=2_000_000_000, description="largest answer that is read, after decompression"
    )
