"""A process of its own that ingests and scores with a language model, to be killed in the middle.

``python -m tests.graph.scoring_process FOLDER BASE_URL FIRST LAST``
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.graph.harness import built

SETTINGS = {
    "news.scorer": "openai",
    "scoring.openai.parallel_calls": 2,
    "http.provider_requests_per_minute": {"openai": 60_000},
    "ingestion.first_session": "2012-07-02",
}
NEWS = ("security_listings", "news_articles", "news_sentiment")
"""All that scoring needs."""


def main(folder: str, base_url: str, first: str, last: str) -> None:
    """Run the inputs of the sessions."""
    with built(Path(folder), SETTINGS | {"scoring.openai.base_url": base_url}) as scenario:
        scenario.run("prepare_inputs", first, last, NEWS)


if __name__ == "__main__":
    main(*sys.argv[1:])
