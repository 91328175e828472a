"""Answers to retrain signals: a model of its own for the ticker of a signal, or why there is none."""

from datetime import date, datetime
from typing import Any

import dagster as dg
import polars as pl

from nextgen_assets.domain.signal_answers import TRAINED, AnswerRules, Answers, sessions_to_train
from nextgen_assets.domain.trained_model import TrainedModel
from nextgen_assets.domain.validation import cutoff_frame
from nextgen_assets.metadata import record
from nextgen_assets.model_decisions import next_session
from nextgen_assets.model_records import registered, trials
from nextgen_assets.partitions import SERVING_MONTH, calendar_of, requested_sessions
from nextgen_assets.policies import session_asset
from nextgen_assets.ticker_training import TickerTraining
from nextgen_resources.clock import Clock
from nextgen_resources.model_store import ModelStore
from nextgen_resources.settings.schema import Settings
from nextgen_resources.timing import Stopwatch
from nextgen_resources.training_checkpoints import TrainingCheckpoints
from nextgen_resources.warehouse.warehouse import Warehouse


@session_asset(
    group="models",
    kinds={"duckdb", "torch"},
    deps=[
        "retrain_signals",
        "feature_windows",
        dg.AssetDep("model_registry", partition_mapping=SERVING_MONTH),
    ],
)
def retrain_answers(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    settings: dg.ResourceParam[Settings],
    model_store: dg.ResourceParam[ModelStore],
    clock: dg.ResourceParam[Clock],
) -> dict[str, pl.DataFrame]:
    """One row per retrain signal: the model that answers it, or why there is none.

    Key: signal_id. Source: retrain_signals of the session, and the model that served it. Cadence: each session
    with a signal. The signal of one ticker at session S is answered by the network that served S, fine-tuned on the
    past of that ticker alone, cut off at S; a cool-down and a budget (the settings answers) keep it from storming. The
    model waits in model_deployments for the promotion gate, or a person, to serve its ticker: predictions read it
    there through the warehouse, not through an edge of the graph. Signals of the universe are left to the
    training of the month. A re-run answers what has no answer yet and nothing twice.
    """
    watch, sessions = Stopwatch(), requested_sessions(context)
    answers = settings.answers
    rules = AnswerRules(
        answers.enabled, answers.cooldown_sessions, answers.budget_models, answers.budget_sessions
    )
    checkpoints = TrainingCheckpoints(model_store.root / "unfinished_answers")
    with watch.measure("read"), warehouse.snapshot():
        signals = warehouse.read("open_signals", first=sessions[0], last=sessions[-1])
        answered = warehouse.read("answers_until", last=sessions[-1])
    plan = Answers.after(answered, rules, calendar_of(settings))
    training = TickerTraining(warehouse, settings, model_store, checkpoints, sessions_to_train(signals))
    with watch.measure("train"):
        plan.answer(signals, training.train)
    with watch.measure("store"):
        now = clock.now()
        models = registered(plan.models, settings, model_store, now, trials(warehouse, plan.models))
        deployed = own_deployments(plan.models, warehouse, settings, now)
        checkpoints.clear()
    cutoffs = cutoff_frame(
        sessions, calendar_of(settings), settings.ingestion.cutoff_delay_minutes, "session_date"
    )
    rows = plan.frame().join(cutoffs, on="session_date", maintain_order="left")
    figures = {
        "trained": len(plan.models),
        "signals without a model": int((rows["outcome"] != TRAINED).sum()),
    }
    record(context, watch, rows, "session_date", figures=figures)
    return {"retrain_answers": rows, "model_registry": models, "model_deployments": deployed}


def own_deployments(
    models: list[TrainedModel], warehouse: Warehouse, settings: Settings, now: datetime
) -> pl.DataFrame:
    """Models of single tickers as challengers: from the session after their cut-off, and none already predicted.

    Notes
    -----
    A range answers its signals when all its sessions have been predicted. Its models serve none of them, also
    when one is issued again: what stands in the ledger stays what it was.
    """
    calendar = calendar_of(settings)
    schema: dict[str, Any] = {
        "model_id": pl.String,
        "live_from": pl.Date,
        "role": pl.String,
        "family": pl.String,
        "decision": pl.String,
        "reason": pl.String,
        "created_at": pl.Datetime("us", "UTC"),
        "target_ticker": pl.String,
        "in_force_from": pl.Date,
    }
    if not models:
        return pl.DataFrame(schema=schema)
    unpredicted: date = next_session(warehouse, settings)
    rows = []
    for model in models:
        following = calendar.shift(model.cutoff_session, 1)
        reason = f"answers a retrain signal of {model.target_ticker}, cut-off {model.cutoff_session}"
        rows.append(
            (
                model.model_id,
                following,
                "challenger",
                model.family,
                "training",
                reason,
                now,
                model.target_ticker,
                max(following, unpredicted),
            )
        )
    return pl.DataFrame(rows, schema=schema, orient="row")
