"""Every error that this package raises, as one tree.

::

    NextGenError
    ├── SettingsError                    a setting is unknown, out of range or unreadable
    ├── WarehouseError                   the DuckDB warehouse refused
    │   ├── MigrationError               a migration is missing, out of order or failed
    │   │   └── MigrationChecksumError   an applied migration was edited afterwards
    │   ├── SliceError                   a frame does not fit its table or its slice
    │   ├── PartitionKeyError            a partition key is malformed or is not a session
    │   ├── StaleReadError               another run wrote since we read      (retryable)
    │   ├── WarehouseBusyError           another process holds the lock       (retryable)
    │   └── WarehouseCorruptError        the database file cannot be read
    ├── ProviderError                    an outside source refused
    │   ├── ProviderUnavailableError     it did not answer, or answered 5xx   (retryable)
    │   │   ├── ProviderEmptyError       it answered 200 with nothing         (retryable)
    │   │   ├── ProviderHtmlError        it sent a web page in place of data  (retryable)
    │   │   ├── ProviderTruncatedError   the answer ended too early           (retryable)
    │   │   └── ProviderCircuitError     it failed too often to be asked now  (retryable)
    │   ├── ProviderRateLimitedError     it asked us to slow down             (retryable)
    │   ├── ProviderUnauthorizedError    it does not accept our credentials
    │   ├── ProviderConsentError         it wants a click on a consent page first
    │   ├── ProviderAddressError         it led to an address that we do not call
    │   ├── ProviderNotFoundError        it does not know what was asked for
    │   ├── ProviderDataError            it answered with data we cannot use
    │   │   ├── ProviderStatedError      it answered 200 with an error message
    │   │   └── ProviderOversizeError    the answer is larger than allowed
    │   ├── ProviderPartialError         it delivered some tickers and refused others
    │   └── NotRecordedError             a replay was asked for what was never recorded
    ├── AlertError                       an alert cannot be kept or delivered
    ├── InferenceError                   inference over a socket was refused
    │   ├── WindowUnknownError           a window that is not stored was asked for
    │   └── InferenceUnavailableError    the server does not answer           (retryable)
    ├── BackupError                      a backup cannot be made, read or restored
    ├── DaemonRunningError               another daemon serves this instance
    ├── ModelStoreError                  a model artifact is missing or is not what was registered
    ├── TimeRuleError                    something would be used before it was known
    └── LedgerConflictError              a ledger slice would be rewritten under later sessions

``is_retryable`` says whether the same call, unchanged, may succeed later. Asset retry policies and
the HTTP client read it; nothing parses messages. Messages say what was found, what was expected,
where, and the next step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class NextGenError(Exception):
    """Base of every error of this project.

    Catch it only at the edge (command line, webhook worker); show its message, which names the next step.
    """

    is_retryable: ClassVar[bool] = False


class SettingsError(NextGenError):
    """A setting is unknown, out of range or unreadable.

    Correct the key in the place that the message names (YAML file, environment variable or ``.env``
    line). The message lists every problem found, so one round of corrections is enough.
    """


class WarehouseError(NextGenError):
    """The warehouse refused an operation; nothing of it was written.

    Read the subclass: it says whether the frame, the key, the schema, the lock or the file is at fault.
    """


class MigrationError(WarehouseError):
    """The schema cannot be brought to the version that this code expects.

    Check that the migration numbers in ``sql/migrations`` have no gap or duplicate and that the code is
    not older than the warehouse; a failed migration was rolled back, so correct it and run it again.
    """


class MigrationChecksumError(MigrationError):
    """A migration that had already run was edited.

    Restore the file from version control and put the change in a new, next-numbered migration.
    """


class SliceError(WarehouseError):
    """A frame does not fit its table or the slice it was to replace; the old rows are still there.

    Raised for a missing column, an unknown column, a wrong type, rows outside the slice, an empty
    replacement that was not announced, a null key or a duplicate key. Correct the asset that built the
    frame; for an intended change of columns, add a migration.
    """


class PartitionKeyError(WarehouseError):
    """A partition key is malformed, is not an exchange session, or does not exist for the asset.

    Use an ISO date (YYYY-MM-DD) on which the exchange trades; the message names the nearest one.
    """


class StaleReadError(WarehouseError):
    """Another run changed a table between the reading and the writing of this one; nothing was written.

    Run again: what the other run wrote is read then.
    """

    is_retryable: ClassVar[bool] = True


class WarehouseBusyError(WarehouseError):
    """Another process held the warehouse lock for the whole waiting time.

    Run again; if it recurs, raise ``warehouse.lock_timeout_seconds`` or close the program that keeps the
    database file open (a notebook, a DuckDB shell).
    """

    is_retryable: ClassVar[bool] = True


class WarehouseCorruptError(WarehouseError):
    """The database file exists and cannot be read as a warehouse.

    Do not delete it: copy it aside, restore the last backup, and re-materialise the sessions since. A
    file written by a newer DuckDB reads like this too; check the installed version first.
    """


class ProviderError(NextGenError):
    """An outside source of prices, news or scores refused.

    Read the subclass: it says whether waiting helps or the request or its data must be looked at. None
    of them means "there are no data"; ``outcome`` is the word for it in ``provider_calls``.
    """

    outcome: ClassVar[str] = "error"
    retry_after_seconds: float | None = None


class ProviderUnavailableError(ProviderError):
    """The provider timed out, refused the connection or answered with a server error.

    Retry later; if it lasts, look at the provider's status page or switch provider in the settings.

    Parameters
    ----------
    *details : object
        The message, as for any exception.
    retry_after_seconds : float, optional
        Seconds to wait that the provider stated, not negative; None when it stated none.
    """

    is_retryable: ClassVar[bool] = True
    outcome: ClassVar[str] = "unavailable"

    def __init__(self, *details: object, retry_after_seconds: float | None = None) -> None:
        super().__init__(*details)
        self.retry_after_seconds = retry_after_seconds


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

    Parameters
    ----------
    *details : object
        The message, as for any exception.
    retry_after_seconds : float, optional
        Seconds to wait that the provider stated, not negative; None when it stated none.
    """

    is_retryable: ClassVar[bool] = True
    outcome: ClassVar[str] = "rate_limited"

    def __init__(self, *details: object, retry_after_seconds: float | None = None) -> None:
        super().__init__(*details)
        self.retry_after_seconds = retry_after_seconds


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


class AlertError(NextGenError):
    """The outbox of alerts cannot be read or written.

    Check the disk; what was in the outbox is still there, and what happened is found again by the next tick.
    """


class InferenceError(NextGenError):
    """A request to the inference server was refused, or its bytes were no request.

    Read the message: it says what was expected. docs/inference.md describes the protocol.
    """


class WindowUnknownError(InferenceError):
    """A window was asked for that the warehouse does not hold under the feature set of the settings.

    Materialise feature_windows for its session, or ask by the ids that the table holds.
    """


class InferenceUnavailableError(InferenceError):
    """The inference server did not answer in time.

    Start it with ``nextgen serve``, or look at its log.
    """

    is_retryable: ClassVar[bool] = True


class BackupError(NextGenError):
    """A backup cannot be made, is damaged, or may not be restored over what is there.

    Nothing of the scenario was changed. The message says which file, and what to do.
    """


class DaemonRunningError(NextGenError):
    """Another daemon holds the lease of this instance: two would run each tick twice.

    Leave it at work, or stop it and start again; its lease ends with it, however it ends.
    """


class ModelStoreError(NextGenError):
    """A model artifact is missing, or its hash is not the registered one.

    Never load it regardless: roll back to the previous deployment or train the cut-off again.
    """


class TimeRuleError(NextGenError):
    """Something known only after the cut-off would have been used (look-ahead).

    Nothing was written. The message names the rows; rebuild the upstream partition for the same session,
    or correct the read that ignores ``as_of``.
    """


class LedgerConflictError(NextGenError):
    """Trades of a session would be re-materialised while later sessions exist.

    Later holdings rest on the old fills. Re-materialise from that session to the newest in one run, as
    the message shows, or leave the ledger as it is.
    """
