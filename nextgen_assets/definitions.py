"""The code location: ``defs`` is what Dagster loads, ``build_definitions`` is what tests vary."""

import warnings
from typing import Any

import dagster as dg

warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)

from nextgen_assets import (  # noqa: E402
    bars_mtf,
    corporate_actions,
    feature_windows,
    feedback_metrics,
    intraday_prices,
    learning_insights,
    market_prices,
    market_ticks,
    model_registry,
    mtf_state,
    news_articles,
    news_sentiment,
    portfolio_holdings,
    prediction_accuracy,
    predictions,
    quality_findings,
    retrain_answers,
    retrain_signals,
    security_listings,
    strategic_priorities,
    system_health,
    tear_sheet,
    ticker_universe,
    trade_plans,
    trade_reflections,
    trades,
)
from nextgen_assets.checks import asset_checks  # noqa: E402
from nextgen_assets.orchestration.feed_watch import feeds_are_fresh  # noqa: E402
from nextgen_assets.orchestration.jobs import jobs  # noqa: E402
from nextgen_assets.orchestration.schedules import schedules  # noqa: E402
from nextgen_assets.orchestration.sensors import sensors  # noqa: E402
from nextgen_assets.parity import issued_again_gives_the_same_bytes  # noqa: E402
from nextgen_resources.clock import SystemClock  # noqa: E402
from nextgen_resources.executors import executor_of  # noqa: E402
from nextgen_resources.http.policy import policy_at  # noqa: E402
from nextgen_resources.market_data import load_provider  # noqa: E402
from nextgen_resources.model_store import ModelStore  # noqa: E402
from nextgen_resources.news import load_news_provider  # noqa: E402
from nextgen_resources.sentiment.configured import configured_scorer  # noqa: E402
from nextgen_resources.settings.loader import load_settings  # noqa: E402
from nextgen_resources.settings.schema import Settings  # noqa: E402
from nextgen_resources.warehouse.io_manager import WarehouseIOManager  # noqa: E402
from nextgen_resources.warehouse.warehouse import Warehouse  # noqa: E402

ASSET_MODULES = [
    security_listings,
    market_prices,
    corporate_actions,
    quality_findings,
    ticker_universe,
    news_articles,
    news_sentiment,
    feature_windows,
    model_registry,
    strategic_priorities,
    predictions,
    prediction_accuracy,
    feedback_metrics,
    learning_insights,
    retrain_signals,
    retrain_answers,
    trade_plans,
    trades,
    portfolio_holdings,
    trade_reflections,
    tear_sheet,
    system_health,
    market_ticks,
    intraday_prices,
    bars_mtf,
    mtf_state,
]
"""Every asset of the graph, upstream first."""


def warehouse_of(settings: Settings) -> Warehouse:
    """The warehouse of the scenario, a file or a lake; nothing is opened yet."""
    how: dict[str, Any] = {
        "database": str(settings.warehouse_path),
        "connection_config": {
            "memory_limit": settings.warehouse.memory_limit,
            "threads": settings.warehouse.threads,
        },
        "lock_timeout_seconds": settings.warehouse.lock_timeout_seconds,
    }
    catalogue = settings.credentials.lake_catalogue
    if settings.warehouse.kind == "lake" and catalogue is not None:
        from nextgen_resources.warehouse.lake import LakeWarehouse

        place = str(settings.lake_data_path)
        return LakeWarehouse(catalogue=catalogue.get_secret_value(), data_path=place, **how)
    return Warehouse(**how)


def resources_of(settings: Settings) -> dict[str, Any]:
    """What assets are introduced to, by resource key."""
    warehouse = warehouse_of(settings)
    clock = SystemClock()
    redis_url = settings.credentials.redis_url
    http = policy_at(
        settings.http,
        settings.scenario_dir / "provider_calls.sqlite",
        settings.scenario_id,
        redis_url.get_secret_value() if redis_url else None,
        clock,
    )
    return {
        "settings": settings,
        "clock": clock,
        "warehouse": warehouse,
        "io_manager": WarehouseIOManager(warehouse, settings.scenario_id, clock),
        "http": http,
        "market_data": load_provider(
            settings.ingestion.provider, http, **settings.ingestion.provider_options
        ),
        "news_source": load_news_provider(
            settings.news.provider, http, settings.credentials, **settings.news.provider_options
        ),
        "sentiment_scorer": configured_scorer(settings, http=http),
        "model_store": ModelStore(settings.models_dir),
    }


def build_definitions(settings: Settings | None = None, **overrides: Any) -> dg.Definitions:
    """The code location for ``settings``, any resource replaced by name.

    Parameters
    ----------
    settings : Settings, optional
        Default: what :func:`load_settings` finds.
    **overrides
        Resources that take the place of the ordinary ones, for tests.
    """
    settings = settings or load_settings()
    resources = resources_of(settings) | overrides
    # Settings alone say where the warehouse is and how it is reached: no config of a run leads elsewhere, and
    # the launchpad, which shows defaults, does not show the address of a catalogue with its password.
    resources["warehouse"] = dg.ResourceDefinition.hardcoded_resource(
        resources["warehouse"], description=f"The warehouse of the scenario {settings.scenario_id}."
    )
    return dg.Definitions(
        assets=dg.load_assets_from_modules(ASSET_MODULES),
        asset_checks=[*asset_checks(), issued_again_gives_the_same_bytes, feeds_are_fresh],
        jobs=jobs(),
        schedules=schedules(),
        sensors=sensors(),
        resources=resources,
        executor=executor_of(settings.execution),
    )


defs = build_definitions()
