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

from nextgen_resources.errors.base import NextGenError
from nextgen_resources.errors.providers import (
    NotRecordedError,
    ProviderAddressError,
    ProviderCircuitError,
    ProviderConsentError,
    ProviderDataError,
    ProviderEmptyError,
    ProviderError,
    ProviderHtmlError,
    ProviderNotFoundError,
    ProviderOversizeError,
    ProviderPartialError,
    ProviderRateLimitedError,
    ProviderStatedError,
    ProviderTruncatedError,
    ProviderUnauthorizedError,
    ProviderUnavailableError,
)
from nextgen_resources.errors.rules import LedgerConflictError, ModelStoreError, SettingsError, TimeRuleError
from nextgen_resources.errors.services import (
    AlertError,
    BackupError,
    DaemonRunningError,
    InferenceError,
    InferenceUnavailableError,
    WindowUnknownError,
)
from nextgen_resources.errors.warehouse import (
    MigrationChecksumError,
    MigrationError,
    PartitionKeyError,
    SliceError,
    StaleReadError,
    WarehouseBusyError,
    WarehouseCorruptError,
    WarehouseError,
)

__all__ = [
    "AlertError",
    "BackupError",
    "DaemonRunningError",
    "InferenceError",
    "InferenceUnavailableError",
    "LedgerConflictError",
    "MigrationChecksumError",
    "MigrationError",
    "ModelStoreError",
    "NextGenError",
    "NotRecordedError",
    "PartitionKeyError",
    "ProviderAddressError",
    "ProviderCircuitError",
    "ProviderConsentError",
    "ProviderDataError",
    "ProviderEmptyError",
    "ProviderError",
    "ProviderHtmlError",
    "ProviderNotFoundError",
    "ProviderOversizeError",
    "ProviderPartialError",
    "ProviderRateLimitedError",
    "ProviderStatedError",
    "ProviderTruncatedError",
    "ProviderUnauthorizedError",
    "ProviderUnavailableError",
    "SettingsError",
    "SliceError",
    "StaleReadError",
    "TimeRuleError",
    "WarehouseBusyError",
    "WarehouseCorruptError",
    "WarehouseError",
    "WindowUnknownError",
]
