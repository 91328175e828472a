"""Texts per second of the offline scorers beside plain VADER.

``python -m tests.benchmarks.bench_scorers [texts] [repeats]``: short headlines of our own (5,000 unless told),
the classifier, the lexicon and VADER's analyser called in a loop, in turn; prints the medians, their ratios to
VADER, and the same for CPU seconds, which a busy machine does not stretch. ``benchmark``: asserts nothing.
"""

import statistics
import sys
import time
from collections.abc import Callable

import polars as pl

from nextgen_resources.sentiment import SCORABLE_SCHEMA, load_sentiment_scorer
from nextgen_resources.sentiment.short_texts.statements import own_statements
from nextgen_resources.sentiment.short_texts.training import labelled_chronicle


def headlines(count: int) -> pl.Series:
    """``count`` headlines, most of them different."""
    own = pl.concat([labelled_chronicle()["text"], own_statements(60, 1)["text"]])
    return pl.concat([own] * (count // len(own) + 1))[:count]


def contenders(texts: pl.Series) -> dict[str, Callable[[], object]]:
    """Name to a call that scores every text."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    vader = SentimentIntensityAnalyzer()
    items = pl.DataFrame({"article_id": [str(n) for n in range(len(texts))], "headline": texts}).select(
        "article_id", pl.lit("AAPL").alias("ticker"), "headline", pl.lit(None, pl.String).alias("body")
    )
    items = items.select(pl.col(name).cast(dtype) for name, dtype in SCORABLE_SCHEMA.items())
    classifier, lexicon = (load_sentiment_scorer(name) for name in ("classifier", "lexicon"))
    return {
        "classifier": lambda: classifier.score(items),
        "lexicon": lambda: lexicon.score(items),
        "VADER alone": lambda: [vader.polarity_scores(text)["compound"] for text in texts],
    }


def main(count: int = 5_000, repeats: int = 5) -> None:
    """Print the table."""
    found: dict[str, list[tuple[float, float]]] = {}
    calls = contenders(headlines(count))
    for call in calls.values():
        call()
    for _ in range(repeats):
        for name, call in calls.items():
            wall, cpu = time.perf_counter(), time.process_time()
            call()
            found.setdefault(name, []).append((time.perf_counter() - wall, time.process_time() - cpu))
    medians = {
        name: [statistics.median(column) for column in zip(*rows, strict=True)]
        for name, rows in found.items()
    }
    base = medians["VADER alone"]
    print(f"{count:,} headlines, median of {repeats}, in turn")
    for name, (wall, cpu) in medians.items():
        print(
            f"{name:12} {count / wall:9,.0f} texts/s ({base[0] / wall:5.2f} x VADER)   "
            f"{count / cpu:9,.0f} texts per CPU second ({base[1] / cpu:5.2f} x)"
        )


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
