"""Scorers as the settings describe them: with their options, members, prices and, late, their key."""

from __future__ import annotations

from collections.abc import Callable

from nextgen_resources.errors import SettingsError
from nextgen_resources.http.policy import HttpPolicy
from nextgen_resources.sentiment import SentimentScorer, load_sentiment_scorer
from nextgen_resources.settings.schema import Settings

_ENSEMBLE = {"classifier": 2.0, "lexicon": 1.0}
_NEEDS_KEY = "https://api.openai.com"


def configured_scorer(
    settings: Settings, name: str | None = None, http: HttpPolicy | None = None
) -> SentimentScorer:
    """The scorer called ``name`` (default: ``news.scorer``) with what the settings say about it.

    ``http`` is handed to scorers that call a service; without it, one in memory with the limits of the settings.

    Raises
    ------
    SettingsError
        No such scorer, or an option that it does not take.
    """
    wanted = name or settings.news.scorer
    options = dict(settings.news.scorer_options) if wanted == settings.news.scorer else {}
    if wanted == "openai":
        described = settings.scoring.openai.model_dump()
        key = _key(settings)
        budget = settings.scoring.daily_budget_usd
        given = {"api_key": key, "budget_usd": budget, "http": http or HttpPolicy(settings.http)}
        return load_sentiment_scorer(wanted, **described | given | options)
    if wanted == "ensemble":
        weights = {
            member: weight
            for member, weight in (settings.scoring.ensemble_weights or _ENSEMBLE).items()
            if weight > 0
        }
        members = [
            (configured_scorer(settings, member, http), weight) for member, weight in sorted(weights.items())
        ]
        return load_sentiment_scorer(wanted, members=members)
    return load_sentiment_scorer(wanted, **options)


def _key(settings: Settings) -> Callable[[], str]:
    """Gives the key at the first call; so that no scorer holds it and loading needs none."""

    def key() -> str:
        secret = settings.credentials.openai_api_key
        if secret is not None:
            return secret.get_secret_value()
        if settings.scoring.openai.base_url.startswith(_NEEDS_KEY):
            raise SettingsError(
                "the scorer openai has no key; set OPENAI_API_KEY in the environment or in .env, or "
                "scoring.openai.base_url to a service that needs none"
            )
        return "none"

    return key
