"""What people decide about models: which is served alone from a session on, for all or one ticker, and what goes back."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from nextgen_assets.partitions import calendar_of
from nextgen_resources.errors import NextGenError
from nextgen_resources.model_store import ModelStore
from nextgen_resources.settings.schema import Settings
from nextgen_resources.warehouse.appending import append_rows
from nextgen_resources.warehouse.warehouse import Warehouse

RUN_ID = "command line"


class UnknownModelIdError(NextGenError):
    """No model, or more than one, answers to the given id: give more of it, or a family."""


class ModelDecisionError(NextGenError):
    """A decision that cannot be: the message says what stands against it. Nothing was written."""


@dataclass(frozen=True)
class Decision:
    """A row of ``model_deployments`` that a person caused."""

    model_id: str
    family: str
    live_from: date
    role: str
    decision: str
    reason: str
    target_ticker: str | None = None


def find_model(warehouse: Warehouse, wanted: str) -> dict[str, Any]:
    """The row of ``model_registry`` that ``wanted`` names.

    Parameters
    ----------
    wanted : str
        A model id, a unique beginning of one, a family: its newest model for all, or a ticker: its newest own one.

    Raises
    ------
    UnknownModelIdError
        If nothing or several answer.
    """
    found = warehouse.read("find_models", wanted=wanted)
    families = warehouse.read("SELECT DISTINCT family FROM model_registry ORDER BY 1")["family"].to_list()
    if wanted in families:
        return found.filter(pl.col("family") == wanted, pl.col("target_ticker").is_null()).row(0, named=True)
    own = found.filter(pl.col("target_ticker") == wanted)
    if not own.is_empty():
        return own.row(0, named=True)
    if found.is_empty():
        raise UnknownModelIdError(
            f"no model answers to {wanted!r}; give the beginning of a model_id (nextgen models list --all) or "
            f"one of the families {', '.join(families) or 'that will be trained'}"
        )
    if found.height > 1:
        raise UnknownModelIdError(f"{wanted!r} is the beginning of {found.height} ids; give more of it")
    return found.row(0, named=True)


def next_session(warehouse: Warehouse, settings: Settings) -> date:
    """The first session that nothing has been predicted for: the earliest that a decision may change.

    Raises
    ------
    ModelDecisionError
        If there is neither a prediction nor a bar yet.
    """
    newest = warehouse.scalar("newest_decided_session", scenario_id=settings.scenario_id)
    if newest is None:
        raise ModelDecisionError(
            "there is no prediction and no bar yet, so no session that a decision could begin at; "
            "run `nextgen demo` or materialise market_prices first"
        )
    return calendar_of(settings).on_or_after(newest + timedelta(days=1))


def promote(
    warehouse: Warehouse,
    settings: Settings,
    store: ModelStore,
    wanted: str,
    reason: str,
    now: datetime,
    *,
    despite_the_gate: bool = False,
) -> Decision:
    """Serve a model alone from the next session on: for all, then its monthly successors; or for the one ticker that it
    was made for, until it is taken back or another is promoted for that ticker.

    Raises
    ------
    UnknownModelIdError, ModelStoreError
        If there is no such model, or its artifact is missing or not the registered one.
    ModelDecisionError
        If the reason is empty, the model saw the session it would serve, predicts something else than the live
        models, or the newest verdict of the gate refuses it and ``despite_the_gate`` is false.
    """
    model = find_model(warehouse, wanted)
    start = next_session(warehouse, settings)
    _refuse_unfit(warehouse, settings, model, start)
    store.load(model["artifact_path"], model["artifact_sha256"])
    ticker = model["target_ticker"]
    verdict = warehouse.read(
        "newest_verdict", family=model["family"], model_id=None if ticker is None else model["model_id"]
    )
    refusal = None
    if verdict.is_empty():
        refusal = f"the gate has not judged {'its family' if ticker is None else 'it'} yet"
    elif verdict["verdict"][0] == "refused":
        row = verdict.row(0, named=True)
        refusal = f"the gate refused it at {row['cutoff_session']} ({row['reason_code']}): {row['reason']}"
    if refusal and not despite_the_gate:
        raise ModelDecisionError(
            f"model {model['model_id']} ({model['family']}) was not promoted: {refusal}. "
            "To serve it all the same, add --despite-the-gate; the row will say so"
        )
    text = f"{_reason(reason)} (despite the gate: {refusal})" if refusal else _reason(reason)
    decided = Decision(model["model_id"], model["family"], start, "champion", "promote", text, ticker)
    _write(warehouse, decided, now)
    return decided


def take_back(warehouse: Warehouse, settings: Settings, ticker: str, reason: str, now: datetime) -> Decision:
    """Serve ``ticker`` by the models for all again from the next session on; its own model is not served any more.

    Raises
    ------
    ModelDecisionError
        If the ticker has no model of its own in charge, or the reason is empty.
    """
    start = next_session(warehouse, settings)
    live = warehouse.read(
        "SELECT * FROM ticker_models_at($session) WHERE target_ticker = $ticker", session=start, ticker=ticker
    )
    if live.is_empty():
        raise ModelDecisionError(
            f"{ticker} has no model of its own that serves {start}, so there is nothing to take back; "
            "nextgen models list shows who serves"
        )
    row = live.row(0, named=True)
    text = f"{_reason(reason)} (served {ticker} alone: {row['how']})"
    decided = Decision(row["model_id"], row["family"], start, "challenger", "rollback", text, ticker)
    _write(warehouse, decided, now)
    return decided


def roll_back(
    warehouse: Warehouse, settings: Settings, store: ModelStore, family: str, reason: str, now: datetime
) -> Decision:
    """Put back what stood for ``family`` before its present deployment, from the next session on.

    After a promotion the family is a member of the ensemble again; after a training, the model of the month
    before serves until the next one is trained.

    Raises
    ------
    ModelDecisionError
        If the family has no earlier deployment, or the reason is empty.
    ModelStoreError
        If the artifact of the earlier model is missing or not the registered one.
    """
    start = next_session(warehouse, settings)
    rows = warehouse.read("deployments_of_family", family=family, last=start)
    stands = [(row["model_id"], _is_alone(row)) for row in rows.iter_rows(named=True)]
    earlier = [place for place, stand in enumerate(stands) if stand != stands[-1]]
    if not earlier:
        raise ModelDecisionError(
            f"family {family!r} has {len(stands)} deployments up to {start} and no other one to go back to; "
            "nextgen models list shows the families"
        )
    row = rows.row(earlier[-1], named=True)
    model = find_model(warehouse, row["model_id"])
    _refuse_unfit(warehouse, settings, model, start)
    store.load(model["artifact_path"], model["artifact_sha256"])
    role = "champion" if _is_alone(row) else "challenger"
    text = f"{_reason(reason)} (back from {stands[-1][0]} of {rows['live_from'][-1]})"
    decided = Decision(row["model_id"], family, start, role, "rollback", text)
    _write(warehouse, decided, now)
    return decided


def _is_alone(row: dict[str, Any]) -> bool:
    return bool(row["decision"] != "training" and row["role"] == "champion")


def _reason(text: str) -> str:
    if not text.strip():
        raise ModelDecisionError(
            "the reason is empty; say in words why, it is kept with the decision: --reason '…'"
        )
    return text.strip()


def _refuse_unfit(warehouse: Warehouse, settings: Settings, model: dict[str, Any], start: date) -> None:
    if model["cutoff_session"] >= start:
        raise ModelDecisionError(
            f"model {model['model_id']} was trained up to {model['cutoff_session']} and would serve {start}; "
            "expected a cut-off before the session: choose an older model, or issue the predictions up to it first"
        )
    live = warehouse.read(
        "SELECT r.model_id, r.feature_set_id, r.horizon_sessions FROM models_live_at($session) l "
        "JOIN model_registry r USING (model_id) WHERE l.family <> $family OR $ticker IS NOT NULL",
        session=start,
        family=model["family"],
        ticker=model["target_ticker"],
    )
    ours = (model["feature_set_id"], model["horizon_sessions"])
    strangers = [row for row in live.iter_rows() if row[1:] != ours]
    if strangers or model["horizon_sessions"] != settings.models.horizon_sessions:
        raise ModelDecisionError(
            f"model {model['model_id']} predicts {ours[1]} sessions ahead from feature set {ours[0]}; the settings say "
            f"{settings.models.horizon_sessions}, other live models {[row[1:] for row in strangers]}; expected the same: "
            "train its family with the present settings"
        )


def _write(warehouse: Warehouse, decided: Decision, now: datetime) -> None:
    there = warehouse.scalar(
        "SELECT count(*) FROM model_deployments WHERE model_id = $model_id AND live_from = $live_from "
        "AND decision = $decision",
        model_id=decided.model_id,
        live_from=decided.live_from,
        decision=decided.decision,
    )
    if there:
        raise ModelDecisionError(
            f"{decided.decision} of model {decided.model_id} from {decided.live_from} is there already; decisions are "
            "never edited: issue the predictions of that session, then decide for the next one"
        )
    values = {**vars(decided), "live_to": None, "created_at": now}
    frame = pl.DataFrame(
        [values],
        schema_overrides={
            "live_to": pl.Date,
            "created_at": pl.Datetime("us", "UTC"),
            "target_ticker": pl.String,
        },
    )
    append_rows(warehouse, "model_deployments", frame, RUN_ID, now)
