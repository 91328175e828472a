"""What an outside source refuses, or a recording of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from nextgen_resources.errors.base import NextGenError


class ProviderError(NextGenError):
    """An outside source of prices, news or scores refused.

    Read the subclass: it says whether waiting helps or the request or its data must be looked at. None
    of them means "there are no data"; ``outcome`` is the word for it in ``provider_calls``.

    Parameters
    ----------
    *details : object
        The message, as for any exception.
    retry_after_seconds : float, optional
        Seconds to wait that the provider stated, not negative; None when it stated none.
    """

    outcome: ClassVar[str] = "error"

    def __init__(self, *details: object, retry_after_seconds: float | None = None) -> None:
        super().__init__(*details)
        self.retry_after_seconds = retry_after_seconds


class ProviderUnavailableError(ProviderError):
    """The provider timed out, refused the connection or answered with a server error.

    Retry later; if it lasts, look at the provider's status page or switch provider in the settings.
    """

    is_retryable: ClassVar[bool] = True
    outcome: ClassVar[str] = "unavailable"


class ProviderEmptyError(ProviderUnavailableError):
    """The provider answered 200 with an empty body, which is how some refuse.

    Retry later; if only one ticker is concerned, check its spelling with the provider.
    """

    outcome: ClassVar[str] = "empty"


class ProviderHtmlError(ProviderUnavailableError):
    """The provider sent a web page where data were expected: an outage, a block or a login.

    Read the quoted title; retry later, or lower ``http.requests_per_minute`` if it is a block.
    """

    outcome: ClassVar[str] = "html"


class ProviderTruncatedError(ProviderUnavailableError):
    """The answer ended before it was complete.

    Retry; if it recurs, look at proxies between here and the provider, and at the time-out.
    """

    outcome: ClassVar[str] = "truncated"


class ProviderCircuitError(ProviderUnavailableError):
    """The provider failed several times in a row, so that it is left alone for a while; nothing was sent.

    Look at the failures in ``provider_calls``. After ``http.breaker_cooldown_seconds`` one request tries again.
    """

    outcome: ClassVar[str] = "circuit_open"


class ProviderRateLimitedError(ProviderError):
    """The provider asked us to slow down.

    Wait ``retry_after_seconds`` (your own back-off when it is None) and retry; if it recurs, lower the
    request rate or the number of tickers.
    """

    is_retryable: ClassVar[bool] = True
    outcome: ClassVar[str] = "rate_limited"


class ProviderUnauthorizedError(ProviderError):
    """The provider does not accept our key, cookie or address (401, 403).

    Check the key in ``.env``; the same request will fail again.
    """

    outcome: ClassVar[str] = "unauthorized"


class ProviderConsentError(ProviderError):
    """The provider leads to a page on which a person must consent to cookies first.

    Run from a network outside its consent region, or choose another provider; retrying does not help.
    """

    outcome: ClassVar[str] = "consent"


class ProviderAddressError(ProviderError):
    """A request or a redirect leads to an address that is private, local or not of the provider.

    Nothing was read from it. Look at the URL in the message: the provider's name may be hijacked, or a
    proxy answers in its place.
    """

    outcome: ClassVar[str] = "address_refused"


class ProviderNotFoundError(ProviderError):
    """The provider does not know the ticker or the endpoint (404).

    Check the spelling; a delisted security may be gone at this provider, so ask another one for its past.
    """

    outcome: ClassVar[str] = "not_found"


class ProviderDataError(ProviderError):
    """The provider answered, with data that cannot be used.

    Look at the quoted payload: the provider changed its format, or the request (ticker, range) is wrong.
    The same request will fail again. Single bad rows are quarantined instead and raise nothing.
    """

    outcome: ClassVar[str] = "bad_data"


class ProviderStatedError(ProviderDataError):
    """The provider answered 200 with an error in its words.

    Read the quoted message; the request is wrong or not part of the subscription.
    """

    outcome: ClassVar[str] = "stated_error"


class ProviderOversizeError(ProviderDataError):
    """The answer is larger than ``http.body_limit_bytes``; reading was stopped there.

    Ask for less at once, or raise the limit if the provider is trusted.
    """

    outcome: ClassVar[str] = "oversize"


class ProviderPartialError(ProviderError):
    """Some tickers were delivered and others refused; neither half may pass for the whole.

    Use ``market_data.delivery``, which keeps both halves, or ask again without the refused tickers.

    Parameters
    ----------
    *details : object
        The message, as for any exception.
    delivered : object
        The rows that came, in the shape of the call.
    refused : mapping of str to ProviderError
        Why each of the other tickers did not come.
    """

    outcome: ClassVar[str] = "partial"

    def __init__(
        self, *details: object, delivered: Any = None, refused: Mapping[str, ProviderError] | None = None
    ) -> None:
        super().__init__(*details)
        self.delivered = delivered
        self.refused = dict(refused or {})


class NotRecordedError(ProviderError):
    """A recording was asked for something that it does not hold.

    Record it first, with ``record`` naming the live provider, or ask only for what the manifest lists.
    """

    outcome: ClassVar[str] = "not_recorded"
