"""How assets run: partitions, backfill, retries, owners and the schema that the UI shows."""

import functools
import inspect
import re
from collections.abc import Callable, Iterable
from typing import Any

import dagster as dg

from nextgen_assets.partitions import CUTOFFS, RAW_SESSIONS_PER_RUN, SESSIONS
from nextgen_resources.errors import NextGenError
from nextgen_resources.settings.schema import Settings
from nextgen_resources.warehouse.schema import Table, tables_of_record
from nextgen_resources.warehouse.tables import tables_of

OWNER = "team:nextgen"
_RETRIES = 2
_RETRY_SECONDS = 5.0


def session_asset(
    *, group: str, kinds: set[str], deps: Iterable[Any] = (), is_order_free: bool = False
) -> Callable[..., dg.AssetsDefinition]:
    """An asset with one partition per exchange session, run over a range in one pass.

    Parameters
    ----------
    is_order_free : bool
        Its rows of a session do not depend on its other sessions, so that a backfill may be cut into runs side by
        side where ``execution.raw_sessions_per_run`` says so.
    """
    return _asset(SESSIONS, group, kinds, deps, RAW_SESSIONS_PER_RUN if is_order_free else None)


def cutoff_asset(
    *, group: str, kinds: set[str], deps: Iterable[Any] = ()
) -> Callable[..., dg.AssetsDefinition]:
    """An asset with one partition per training cut-off (month), run over a range in one pass."""
    return _asset(CUTOFFS, group, kinds, deps)


def _asset(
    partitions: dg.PartitionsDefinition,
    group: str,
    kinds: set[str],
    deps: Iterable[Any],
    sessions_per_run: int | None = None,
) -> Callable[..., dg.AssetsDefinition]:
    cut = (
        dg.BackfillPolicy.multi_run(sessions_per_run) if sessions_per_run else dg.BackfillPolicy.single_run()
    )

    def decorate(function: Callable[..., Any]) -> dg.AssetsDefinition:
        return dg.asset(
            partitions_def=partitions,
            backfill_policy=cut,
            group_name=group,
            description=described(function),
            kinds=kinds,
            owners=[OWNER],
            deps=list(deps),
            metadata=_table_metadata(function.__name__),
        )(_retrying(function))

    return decorate


def described(function: Callable[..., Any]) -> str:
    """The docstring of an asset as Markdown, its key, source and cadence as a list."""
    paragraphs = [" ".join(part.split()) for part in (inspect.getdoc(function) or "").split("\n\n")]
    text = "\n\n".join(paragraphs)
    text = re.sub(r"\s(Key|Source|Cadence): ", r"\n- **\1**: ", text)
    return re.sub(r"(\n- \*\*Cadence\*\*: [^.]*\.)\s", r"\1\n\n", text)


def _retrying(function: Callable[..., Any]) -> Callable[..., Any]:
    """Retry only what may succeed unchanged; a wrong frame or key fails at once."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except NextGenError as error:
            if error.is_retryable:
                retries = _retries(kwargs.get("settings"))
                raise dg.RetryRequested(max_retries=retries, seconds_to_wait=_RETRY_SECONDS) from error
            raise

    return run


def is_last_try(context: dg.AssetExecutionContext, settings: Settings) -> bool:
    """Whether a failure of this step is final: it has been tried again as often as the settings say."""
    return bool(context.retry_number >= _retries(settings))


def _retries(settings: Settings | None) -> int:
    """``scheduler.retries``; an asset that takes no settings is tried again twice."""
    return settings.scheduler.retries if settings is not None else _RETRIES


def _table_metadata(asset: str) -> dict[str, Any]:
    tables = tables_of_record()
    owned = tables_of(asset)
    key = tables[asset].key or owned[0].unindexed_key
    return {
        "dagster/column_schema": _column_schema(tables[asset]),
        "dagster/table_name": f"main.{asset}",
        "tables": dg.MetadataValue.text(", ".join(spec.name for spec in owned)),
        "key": dg.MetadataValue.text(", ".join(key)),
    }


def _column_schema(table: Table) -> dg.TableSchema:
    columns = [
        dg.TableColumn(
            name=column.name,
            type=column.sql_type,
            description=column.comment,
            constraints=dg.TableColumnConstraints(
                nullable=column.is_nullable, unique=(column.name,) == table.key
            ),
        )
        for column in table.columns
    ]
    return dg.TableSchema(columns=columns)
