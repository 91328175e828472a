"""What the warehouse refuses."""

from typing import ClassVar

from nextgen_resources.errors.base import NextGenError


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
