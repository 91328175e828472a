"""News of the session: its sentiment, and how much of it there was."""

from __future__ import annotations

import numpy as np

from nextgen_assets.domain.features import Feature
from nextgen_assets.domain.grid import Values
from nextgen_assets.domain.prices import Panel

_REFERENCE = "Tetlock (2007), Giving Content to Investor Sentiment, J. Finance 62(3)."


def _sentiment(panel: Panel) -> Values:
    sentiment = panel.fields["sentiment"]
    return np.where(np.isnan(sentiment), 0.0, sentiment)


def _news_count(panel: Panel) -> Values:
    return np.asarray(np.log1p(panel.fields["article_count"]))


FEATURES = (
    Feature(
        name="sentiment",
        inputs=("sentiment",),
        lookback_sessions=0,
        null_policy="zero_if_absent",
        description="Decayed news sentiment of the session, -1 to 1; 0 without news (see news_count).",
        reference=_REFERENCE,
        compute=_sentiment,
    ),
    Feature(
        name="news_count",
        inputs=("article_count",),
        lookback_sessions=0,
        null_policy="zero_if_absent",
        description="Log of one plus the articles of the session: 0 says that sentiment 0 means no news.",
        reference=_REFERENCE,
        compute=_news_count,
    ),
)
