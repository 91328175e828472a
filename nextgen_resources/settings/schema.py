"""The settings as one frozen object, with where each value came from and a fingerprint of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, PrivateAttr, model_validator

from nextgen_resources.errors import SettingsError
from nextgen_resources.settings.alert_section import AlertSettings
from nextgen_resources.settings.answer_section import AnswerSettings
from nextgen_resources.settings.data_sections import (
    Credentials,
    FeatureSettings,
    IngestionSettings,
    IntradaySettings,
    NewsSettings,
    PathSettings,
    UniverseSettings,
    WarehouseSettings,
)
from nextgen_resources.settings.execution_section import ExecutionSettings
from nextgen_resources.settings.field_types import Section
from nextgen_resources.settings.frozen_mapping import FrozenMapping
from nextgen_resources.settings.http_section import HttpSettings
from nextgen_resources.settings.learning_sections import (
    FeedbackSettings,
    ModelSettings,
    PredictionSettings,
    PromotionSettings,
)
from nextgen_resources.settings.log_section import LogSettings
from nextgen_resources.settings.scoring_sections import ScoringSettings
from nextgen_resources.settings.trading_sections import SchedulerSettings, TradingSettings

WITHOUT_INFLUENCE: Mapping[str, Any] = {
    "paths": True,
    "alerts": True,
    "logs": True,
    "scheduler": True,
    "execution": True,
    "warehouse": True,
    "credentials": True,
    "models": {"workers"},
    "prediction": {"concurrency"},
    "trading": {"tear_sheet_page"},
}
"""Settings that say how the work is done, not what comes out; the fingerprint leaves them out."""

ScenarioId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]


@dataclass(frozen=True)
class Provenance:
    """How a `Settings` was put together.

    Parameters
    ----------
    profile : str
        Name of the profile that was applied.
    project_root : Path
        Folder of ``workspace.yaml``; absolute.
    origins : mapping of str to str
        Dotted key to the place its value came from: ``defaults.yaml``, ``profiles/ci.yaml``,
        ``environment NEXTGEN__…``, ``.env:12`` or ``overrides``. Ascending keys.
    """

    profile: str
    project_root: Path
    origins: Mapping[str, str] = field(default_factory=FrozenMapping)


class Settings(Section):
    """Every setting of one scenario, validated and frozen; get it from `loader.load_settings`.

    Notes
    -----
    It can be pickled (secrets included, so pickle it to a child process only) and hashed. No
    representation shows a secret.
    """

    scenario_id: ScenarioId = Field(
        description="name of this set of settings; stamps every row and names the data folder"
    )
    paths: PathSettings
    ingestion: IngestionSettings
    http: HttpSettings
    intraday: IntradaySettings
    universe: UniverseSettings
    news: NewsSettings
    scoring: ScoringSettings
    features: FeatureSettings
    models: ModelSettings
    prediction: PredictionSettings
    promotion: PromotionSettings
    feedback: FeedbackSettings
    answers: AnswerSettings
    trading: TradingSettings
    scheduler: SchedulerSettings
    execution: ExecutionSettings
    alerts: AlertSettings
    logs: LogSettings
    warehouse: WarehouseSettings
    credentials: Credentials

    _provenance: Provenance | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        strangers = sorted(set(self.prediction.member_weights) - set(self.models.families))
        if strangers:
            raise ValueError(
                f"prediction.member_weights names {', '.join(strangers)}, not among models.families "
                f"{list(self.models.families)}"
            )
        written = {self.news.scorer, self.scoring.fallback}
        if self.sentiment_method not in written:
            raise ValueError(
                f"scoring.feature_method {self.scoring.feature_method!r} is neither news.scorer "
                f"{self.news.scorer!r} nor scoring.fallback {self.scoring.fallback!r}, so nothing writes it"
            )
        weights = [self.prediction.member_weights.get(family, 1.0) for family in self.models.families]
        if not any(weights):
            raise ValueError("prediction.member_weights gives every family of models.families weight 0")
        return self

    @model_validator(mode="after")
    def _lake_has_a_catalogue(self) -> Self:
        if self.warehouse.kind == "lake" and self.credentials.lake_catalogue is None:
            raise ValueError(
                "warehouse.kind is lake, which needs credentials.lake_catalogue: set it in the environment"
            )
        return self

    @model_validator(mode="after")
    def _feedback_has_blocks(self) -> Self:
        """Feedback resamples blocks of sessions: a window of fewer than two blocks has no spread."""
        shortest, block = self.feedback.minimum_sessions, self.feedback_block_sessions
        if shortest <= block:
            raise ValueError(
                f"feedback.minimum_sessions {shortest} must exceed twice models.horizon_sessions "
                f"{self.models.horizon_sessions}, so at least {block + 1}"
            )
        return self

    @property
    def feedback_block_sessions(self) -> int:
        """Sessions that feedback counts as one observation: twice the horizon, so that labels rarely overlap."""
        return 2 * self.models.horizon_sessions

    @property
    def feedback_window_sessions(self) -> int:
        """``feedback.window_sessions`` in whole blocks: the nearest multiple of the block, at least two."""
        block = self.feedback_block_sessions
        return block * max(2, round(self.feedback.window_sessions / block))

    @classmethod
    def build(cls, values: Mapping[str, Any], provenance: Provenance) -> Self:
        """Validate ``values`` (nested, every key present) and remember where they came from.

        Raises
        ------
        pydantic.ValidationError
            For every key that is missing, unknown or out of range; `load_settings` turns it into one
            `SettingsError`.
        """
        settings = cls.model_validate(values)
        settings._provenance = provenance
        return settings

    @property
    def provenance(self) -> Provenance:
        """Profile, project root and origins; a `SettingsError` if `load_settings` did not build this."""
        if self._provenance is None:
            raise SettingsError(
                "these settings were built without load_settings, so their profile and origins are unknown; "
                "use nextgen_resources.settings.loader.load_settings"
            )
        return self._provenance

    @property
    def origins(self) -> Mapping[str, str]:
        """Dotted key to the place its value came from, every key, ascending."""
        return self.provenance.origins

    @property
    def profile(self) -> str:
        """Name of the profile that was applied."""
        return self.provenance.profile

    @property
    def project_root(self) -> Path:
        """Folder of ``workspace.yaml``; absolute."""
        return self.provenance.project_root

    @property
    def sentiment_method(self) -> str:
        """The one method whose sentiment the features read."""
        return self.scoring.feature_method or self.news.scorer

    @property
    def scenario_dir(self) -> Path:
        """Folder of this scenario's files."""
        return self.paths.data_dir / self.scenario_id

    @property
    def warehouse_path(self) -> Path:
        """The DuckDB file of this scenario."""
        return self.scenario_dir / "warehouse.duckdb"

    @property
    def lake_data_path(self) -> Path:
        """Folder of a lake's files."""
        return self.warehouse.lake_data_path or self.scenario_dir / "lake"

    @property
    def outbox_path(self) -> Path:
        """The SQLite file of messages that wait for delivery."""
        return self.scenario_dir / "alerts.sqlite"

    @property
    def models_dir(self) -> Path:
        """Folder of this scenario's model artifacts."""
        return self.scenario_dir / "models"

    @property
    def reports_dir(self) -> Path:
        """Folder of this scenario's reports."""
        return self.scenario_dir / "reports"

    def fingerprint(self) -> str:
        """SHA-256, hex, of the canonical JSON of the values that influence derived rows.

        Notes
        -----
        Left out: secrets, paths, requests, schedule, warehouse and the degrees of parallelism
        (`WITHOUT_INFLUENCE`). Equal fingerprints mean that the same inputs give the same rows; origins
        and key order do not matter.
        """
        values = self.model_dump(mode="json", exclude=dict(WITHOUT_INFLUENCE))
        canonical = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(canonical.encode()).hexdigest()
