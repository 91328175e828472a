"""What models are trained from: windows and returns as each cut-off knew them, and the settings of training."""

from collections.abc import Iterator
from datetime import date

from nextgen_assets.domain.intervals import BootstrapConfig
from nextgen_assets.domain.labels import labels
from nextgen_assets.domain.splits import SplitConfig
from nextgen_assets.domain.training_data import TrainingData
from nextgen_assets.domain.training_job import TrainingSettings
from nextgen_assets.domain.volatility import WINDOW_SESSIONS, trailing_volatility
from nextgen_assets.domain.window_store import WindowStore
from nextgen_assets.feature_selection import feature_set_of
from nextgen_assets.market_view import read_market, security_names, segments
from nextgen_assets.partitions import calendar_of
from nextgen_resources.settings.schema import Settings
from nextgen_resources.warehouse.warehouse import Warehouse


def training_data(
    warehouse: Warehouse, settings: Settings, cutoffs: list[date]
) -> Iterator[tuple[TrainingData, date]]:
    """Windows and labels that each cut-off may see, as known at its own knowledge cut-off."""
    calendar, models = calendar_of(settings), settings.models
    chosen = feature_set_of(settings)
    horizon = models.horizon_sessions
    history = (
        models.train_sessions
        + models.embargo_sessions
        + 2 * horizon
        + chosen.lookback_sessions
        + WINDOW_SESSIONS
    )
    for first, last, as_of in segments(warehouse, settings, cutoffs, history):
        begin = calendar.shift(first, -history)
        market = read_market(warehouse, settings, begin, last, as_of)
        known = labels(market.panel, horizon, last).frame()
        rows = warehouse.read("windows", feature_set_id=chosen.feature_set_id, first=begin, last=last)
        rows = security_names(warehouse, last).follow(rows, "session_date")
        if rows.is_empty():
            continue
        volatility = trailing_volatility(market.panel, horizon)
        targets = known.select("ticker", "session_date", "forward_return").join(
            volatility, on=["ticker", "session_date"], how="left"
        )
        store = WindowStore.from_rows(rows, calendar.between(begin, last))
        data = TrainingData.build(
            store, targets, chosen.feature_set_id, calendar, training_settings(settings)
        )
        yield from ((data, cutoff) for cutoff in cutoffs if first <= cutoff <= last)


def training_settings(settings: Settings) -> TrainingSettings:
    """What is trained on which split, as the settings say."""
    models = settings.models
    families: dict[str, dict[str, object]] = {family: {} for family in models.families}
    if "lstm" in families:
        families["lstm"] = models.lstm.model_dump()
    split = SplitConfig(
        horizon_sessions=models.horizon_sessions,
        train_sessions=models.train_sessions,
        embargo_sessions=models.embargo_sessions,
        validation_fraction=models.validation_fraction,
        maximum_windows=models.maximum_train_windows,
    )
    return TrainingSettings(
        families,
        split,
        BootstrapConfig(block_sessions=models.horizon_sessions),
        models.seed,
        models.warm_start_months,
    )
