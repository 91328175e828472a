"""Jobs, named for what people want to do. None needs a word of config: settings alone say how, so that every run of a
scenario is made alike. What a person chooses is the partitions.
"""

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from nextgen_assets.orchestration.feed_watch import CHECK
from nextgen_resources.settings.trading_sections import FEEDS

MODELS = dg.AssetSelection.assets("model_registry")
ANSWERS = dg.AssetSelection.assets("retrain_answers")
INTRADAY = dg.AssetSelection.groups("intraday")
INPUTS = dg.AssetSelection.groups("ingestion", "features")
FRESHNESS = dg.AssetSelection.checks(*(dg.AssetCheckKey(dg.AssetKey(name), CHECK) for name in FEEDS))
"""Of this moment, not of the partitions of a run: the sensor watch_feeds looks, or who asks for it in the UI."""

prepare_inputs = dg.define_asset_job(
    "prepare_inputs",
    selection=INPUTS - FRESHNESS,
    description="Backfill history: prices, actions, news, sentiment and feature vectors of a session or a range. "
    "What is there and unchanged is left alone.",
)
train_models = dg.define_asset_job(
    "train_models",
    selection=MODELS,
    description="Retrain: train, register and deploy the models of a cut-off month or a range of months. "
    "A month that is trained gives the same models again.",
)
decide_and_trade = dg.define_asset_job(
    "decide_and_trade",
    selection=dg.AssetSelection.all() - INPUTS - MODELS - ANSWERS - INTRADAY - FRESHNESS,
    description="Replay decisions: priorities, predictions, their validation, feedback, plans, trades, holdings, health. "
    "Predictions on record stay; a month needs the models of the one before (train_models).",
)
replay_trading = dg.define_asset_job(
    "replay_trading",
    selection=dg.AssetSelection.groups("trading"),
    description="Replay trading: plans, fills, holdings, reflections and the tear sheet of a range again, from the "
    "predictions on record. The same decisions change nothing; others replace everything up to the newest session, "
    "or are refused with the range to run.",
)
daily_cycle = dg.define_asset_job(
    "daily_cycle",
    selection=dg.AssetSelection.all() - MODELS - ANSWERS - INTRADAY - FRESHNESS,
    description="Daily cycle: everything that one session needs, with the models that are live. The schedule "
    "after_each_session starts it.",
)
answer_signals = dg.define_asset_job(
    "answer_signals",
    selection=ANSWERS,
    description="A model of its own for each ticker whose retrain signal asks for one, within cool-down and budget.",
)
import_ticks = dg.define_asset_job(
    "import_ticks",
    selection=INTRADAY - FRESHNESS,
    description="Ticks and bars within the day, from the files of intraday.folder; apart from the daily work.",
)
revisit_recent = dg.define_asset_job(
    "revisit_recent",
    selection=dg.AssetSelection.groups("ingestion") - dg.AssetSelection.assets("ticker_universe") - FRESHNESS,
    description="Raw rows of a few past sessions again: what came late or was corrected since.",
)


def jobs() -> list[UnresolvedAssetJobDefinition]:
    """Every job of the code location."""
    return [
        prepare_inputs,
        train_models,
        decide_and_trade,
        replay_trading,
        daily_cycle,
        answer_signals,
        import_ticks,
        revisit_recent,
    ]
