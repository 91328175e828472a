"""Settings, models, time and money: what a rule of the platform refuses."""

from nextgen_resources.errors.base import NextGenError


class SettingsError(NextGenError):
    """A setting is unknown, out of range or unreadable.

    Correct the key in the place that the message names (YAML file, environment variable or ``.env``
    line). The message lists every problem found, so one round of corrections is enough.
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
