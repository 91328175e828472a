"""The feature set that the settings name."""

from nextgen_assets.domain.features import FeatureSet, known_features, select
from nextgen_resources.settings.schema import Settings


def feature_set_of(settings: Settings) -> FeatureSet:
    """The features and families that the settings name; all that were discovered when they name none."""
    names = list(settings.features.names) or list(known_features())
    return FeatureSet(select(names), settings.features.lookback_sessions)
