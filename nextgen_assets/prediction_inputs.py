"""What the predictions of a range read: windows, volatility, outcomes and the models that are live."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from nextgen_assets.domain.adjustment import AdjustmentConfig
from nextgen_assets.domain.conformal import ScaleConfig
from nextgen_assets.domain.dated_adjustments import AdjustmentRecord
from nextgen_assets.domain.ensemble import EnsembleConfig
from nextgen_assets.domain.labels import realised_log_returns
from nextgen_assets.domain.live_models import LiveModel, appointed_families, live_model, recipe_id
from nextgen_assets.domain.prediction import issue_predictions, raw_predictions
from nextgen_assets.domain.prediction_ledger import PredictionConfig, history_from_ledger
from nextgen_assets.domain.promotion import PromotionConfig
from nextgen_assets.domain.security_names import SecurityNames
from nextgen_assets.domain.service import Service, ServiceConfig
from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.thresholds import Overrides
from nextgen_assets.domain.ticker_models import TickerModels
from nextgen_assets.domain.volatility import WINDOW_SESSIONS, trailing_volatility
from nextgen_assets.domain.window_store import WindowStore
from nextgen_assets.feature_selection import feature_set_of
from nextgen_assets.market_view import members_only, read_market, security_names
from nextgen_assets.partitions import calendar_of
from nextgen_resources.model_store import ModelStore
from nextgen_resources.settings.schema import Settings
from nextgen_resources.warehouse.warehouse import Warehouse

_HISTORY = ("ticker", "session_date", "raw_probability_up", "volatility", "ensemble", "expected_raw")
_LONGEST_MONTH_SESSIONS = 23


@dataclass(frozen=True)
class PredictionInputs:
    """Everything but the models, as known at the cut-off of the last session.

    Attributes
    ----------
    store : WindowStore
        Vectors from ``lookback - 1`` sessions before the first session of history.
    windows : DataFrame
        ``ticker, session_date, inputs_known_until`` of the windows.
    universe : DataFrame
        ``ticker, session_date``: the members with a bar.
    volatility, outcomes : DataFrame
        As ``issue_predictions`` reads them.
    """

    store: WindowStore
    windows: pl.DataFrame
    universe: pl.DataFrame
    volatility: pl.DataFrame
    outcomes: pl.DataFrame

    @classmethod
    def read(
        cls, warehouse: Warehouse, settings: Settings, begin: date, last: date, as_of: datetime
    ) -> "PredictionInputs":
        """Read sessions ``begin`` to ``last``, and before them what their windows and volatility need."""
        calendar, horizon = calendar_of(settings), settings.models.horizon_sessions
        chosen = feature_set_of(settings)
        earliest = calendar.shift(begin, -max(chosen.lookback_sessions, WINDOW_SESSIONS + 1))
        market = read_market(warehouse, settings, earliest, last, as_of)
        rows = warehouse.read("windows", feature_set_id=chosen.feature_set_id, first=earliest, last=last)
        rows = security_names(warehouse, last).follow(rows, "session_date")
        return cls(
            store=WindowStore.from_rows(rows, calendar.between(earliest, last)),
            windows=rows.select("ticker", "session_date", "inputs_known_until"),
            universe=members_only(
                warehouse,
                market.bars.filter(pl.col("session_date") >= begin).select("ticker", "session_date"),
                last,
            ),
            volatility=trailing_volatility(market.panel, horizon),
            outcomes=realised_log_returns(market.panel, market.versions(calendar), horizon, last),
        )

    def predict(
        self,
        earlier: pl.DataFrame,
        sessions: Sequence[date],
        models: Mapping[date, Sequence[LiveModel]],
        calendar: SessionCalendar,
        config: PredictionConfig,
        service: Service,
        record: AdjustmentRecord,
    ) -> pl.DataFrame:
        """Predictions of ``sessions``, calibrated on the ledger ``earlier`` and, where it has a gap, on what
        would have been predicted there; ``record`` receives the adjustments.

        Returns
        -------
        DataFrame
            The columns of ``predictions`` but issued_at, origin and run_id.
        """
        wanted = pl.col("session_date").is_in(list(sessions))
        known = pl.col("session_date").is_in(earlier["session_date"].unique().implode())
        gaps = self.universe.filter(~known & (pl.col("session_date") < min(sessions)))
        would_have_been = raw_predictions(self.store, gaps, self.volatility, models, config.ensemble)
        history = pl.concat(
            [history_from_ledger(earlier), would_have_been.select(_HISTORY).drop_nulls()]
        ).sort("session_date", "ticker")
        return issue_predictions(
            self.store,
            self.universe.filter(wanted),
            self.windows,
            self.volatility,
            models,
            history,
            self.outcomes,
            calendar,
            config,
            service,
            record,
        )


def history_sessions(settings: Settings) -> int:
    """Sessions before a session whose forecasts it may learn from: those of its own calibration, and those that
    were judged at the end of the month before."""
    return (
        max(settings.prediction.calibration_sessions, settings.promotion.sessions) + _LONGEST_MONTH_SESSIONS
    )


def service_of(
    settings: Settings,
    deployments: pl.DataFrame,
    models: Mapping[date, Sequence[LiveModel]],
    trial_sessions: Sequence[date],
    config: PredictionConfig,
    own: TickerModels | None = None,
) -> Service:
    """Who is served when, as the settings and the deployments say.

    Parameters
    ----------
    deployments : DataFrame
        Of the query ``deployments``.
    models : mapping of date to sequence of LiveModel
        Of every session of the history, too.
    trial_sessions : sequence of date
        Of the query ``trial_sessions``.
    own : TickerModels, optional
        Models of single tickers.
    """
    promotion = settings.promotion
    gate = PromotionConfig(
        sessions=promotion.sessions,
        minimum_sessions=promotion.minimum_sessions,
        level=promotion.level,
        calibration_level=promotion.calibration_level,
        minimum_deflated_sharpe=promotion.minimum_deflated_sharpe,
        maximum_overfitting=promotion.maximum_overfitting,
    )
    return Service(
        models_by_session=models,
        recipe_of={row["model_id"]: recipe_id(row) for row in deployments.iter_rows(named=True)},
        appointed=appointed_families(deployments, sorted(models)),
        trial_sessions=trial_sessions,
        calendar=calendar_of(settings),
        config=ServiceConfig(
            config.ensemble,
            gate,
            settings.prediction.calibration_sessions,
            settings.ingestion.cutoff_delay_minutes,
        ),
        own=own,
    )


def ticker_models(
    settings: Settings,
    deployments: pl.DataFrame,
    names: SecurityNames,
    store: WindowStore,
    load: Callable[[str], LiveModel],
) -> TickerModels:
    """The models of single tickers among ``deployments``, under the tickers of now.

    Notes
    -----
    Those of other features or another horizon than the settings name serve nobody.
    """
    is_usable = (pl.col("feature_set_id") == feature_set_of(settings).feature_set_id) & (
        pl.col("horizon_sessions") == settings.models.horizon_sessions
    )
    own = deployments.filter(pl.col("target_ticker").is_not_null() & is_usable)
    followed = names.follow(own.rename({"target_ticker": "ticker"}), "cutoff_session")
    return TickerModels.build(
        followed.rename({"ticker": "target_ticker"}),
        store,
        load,
        calendar_of(settings),
        settings.answers.maximum_age_sessions,
    )


def prediction_config(settings: Settings, overrides: Overrides | None = None) -> PredictionConfig:
    """How predictions are joined, adjusted and named, as the settings and dated overrides of thresholds say."""
    prediction = settings.prediction
    return PredictionConfig(
        scenario_id=settings.scenario_id,
        horizon_sessions=settings.models.horizon_sessions,
        ensemble=EnsembleConfig(
            dict(prediction.member_weights),
            settings.models.champion,
            prediction.weight_learning_rate,
            prediction.maximum_dissimilarity,
            overrides or Overrides(),
        ),
        adjustment=AdjustmentConfig(
            interval_coverage=prediction.interval_coverage,
            calibration_sessions=prediction.calibration_sessions,
            minimum_predictions=prediction.minimum_calibration_count,
            cutoff_delay_minutes=settings.ingestion.cutoff_delay_minutes,
            scale=ScaleConfig(
                prediction.bound_volatility_weight,
                prediction.bound_ticker_strength,
                2 * settings.models.horizon_sessions,
            ),
        ),
    )


def model_loader(deployments: pl.DataFrame, store: ModelStore) -> Callable[[str], LiveModel]:
    """Reads a model of ``deployments`` from the store; its hash must be the registered one."""
    artifacts = {
        row[0]: row[1:] for row in deployments.select("model_id", "artifact_path", "artifact_sha256").rows()
    }

    def load(model_id: str) -> LiveModel:
        return live_model(*store.load(*artifacts[model_id]))

    return load


def issue_stamps(frame: pl.DataFrame, calendar: SessionCalendar, now: datetime) -> list[pl.Expr]:
    """``issued_at`` and ``origin``: live when issued before the next open."""
    days = frame["session_date"].unique().to_list()
    origins = {day: "live" if now < calendar.open_at(calendar.shift(day, 1)) else "backfill" for day in days}
    return [
        pl.lit(now).cast(pl.Datetime("us", "UTC")).alias("issued_at"),
        pl.col("session_date").replace_strict(origins, return_dtype=pl.String).alias("origin"),
    ]
