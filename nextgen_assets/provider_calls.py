"""Asking a provider from an asset: its calls become rows whether the asset succeeds or fails."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import dagster as dg
import polars as pl

from nextgen_resources.errors import ProviderError, WarehouseError
from nextgen_resources.http.policy import HttpPolicy
from nextgen_resources.market_data.delivery import reasons
from nextgen_resources.warehouse.appending import append_rows
from nextgen_resources.warehouse.warehouse import Warehouse

_KNOWN = "SELECT call_id FROM provider_calls WHERE call_id IN (SELECT unnest($ids))"


class CallsOfRun:
    """The calls of this asset and of what was cut off before it."""

    def __init__(self, http: HttpPolicy) -> None:
        self._http = http

    def rows(self) -> pl.DataFrame:
        """Rows of ``provider_calls``, to be returned with what the calls brought and written with it."""
        return self._http.journal.hand_over()


@contextmanager
def recorded_calls(
    context: dg.AssetExecutionContext, warehouse: Warehouse, http: HttpPolicy
) -> Iterator[CallsOfRun]:
    """Ask the provider inside this block.

    Notes
    -----
    On success the rows travel with the asset's other frames, in one transaction. If the block fails they are
    written at once in one of their own, and the answers that had come are kept: the next run continues
    there. Answers of an earlier run whose calls reached the warehouse with their bars are spent first, so that
    a finished run that is run again asks again, while the steps of one run share their answers.
    """
    journal = http.journal
    journal.run_id = context.run.run_id
    if handed := journal.handed_over():
        http.settle(warehouse.read(_KNOWN, ids=handed)["call_id"])
    try:
        yield CallsOfRun(http)
    except BaseException:
        failed = journal.pending()
        try:
            append_rows(warehouse, "provider_calls", failed, context.run.run_id, http.clock.now())
        except WarehouseError as error:  # the provider's error is the one to show
            context.log.warning(
                f"{failed.height} provider calls wait for the next run to be written: {error}"
            )
        else:
            journal.settle(failed["call_id"])
        raise


def tell_of_refusals(context: dg.AssetExecutionContext, refused: Mapping[str, ProviderError]) -> None:
    """A warning and an event on the asset's page that name the tickers that did not come."""
    if not refused:
        return
    text = f"{len(refused)} tickers were refused and have no rows from this run: {reasons(refused)}"
    context.log.warning(text)
    context.log_event(
        dg.AssetObservation(
            context.asset_key,
            description=text,
            metadata={ticker: str(error)[:300] for ticker, error in list(refused.items())[:50]},
        )
    )
