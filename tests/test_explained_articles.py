"""The articles of a window as they are explained: each once, with the score that counted and the others beside."""

from __future__ import annotations

from pathlib import Path

from nextgen_resources.warehouse.warehouse import Warehouse

NIGHT = "TIMESTAMPTZ '2024-05-02 20:30:00+00'"
ROWS = f"""
INSERT INTO feature_windows BY NAME SELECT 'AAPL' AS ticker, DATE '2024-05-02' AS session_date, 'f' AS feature_set_id,
    'w' AS window_id, [1.0::FLOAT] AS "values", DATE '2024-05-01' AS first_session_date,
    DATE '2024-05-01' AS first_raw_session_date, 2 AS lookback_sessions, 1 AS feature_count, 0 AS missing_sessions,
    true AS is_complete, 'h' AS provenance_hash, {NIGHT} AS as_of, {NIGHT} AS inputs_known_until, 'r' AS run_id;
INSERT INTO news_articles BY NAME SELECT id AS article_id, DATE '2024-05-02' AS session_date, moment AS published_at,
    'instant' AS published_at_precision, moment AS first_seen_at, false AS first_seen_is_assumed, 's' AS source,
    'Headline ' || id AS headline, 'en' AS language, ['AAPL', 'IBM'] AS tickers, id AS content_hash, 'r' AS run_id
FROM (VALUES ('a', {NIGHT} - INTERVAL 3 HOUR), ('b', {NIGHT} - INTERVAL 2 HOUR), ('c', {NIGHT} - INTERVAL 1 HOUR)) t(id, moment);
INSERT INTO news_article_scores BY NAME SELECT id AS article_id, ticker, scorer, model, 'p' AS prompt_version, score,
    1 AS relevance, 1 AS confidence, '' AS rationale, 0 AS cost_usd, {NIGHT} + day * INTERVAL 1 DAY AS scored_at, 'r' AS run_id
FROM (VALUES ('a', 'AAPL', 'openai', 'old', 0.9, 0), ('a', 'AAPL', 'openai', 'new', 0.5, 1), ('a', 'IBM', 'openai', 'new', -1, 1),
    ('a', 'AAPL', 'lexicon', 'm', -0.25, 0), ('a', 'AAPL', 'classifier', 'm', 0.125, 0),
    ('b', 'AAPL', 'lexicon', 'm', 0.75, 0)) t(id, ticker, scorer, model, score, day);
"""


def test_each_article_is_listed_once_with_the_score_that_counted_and_the_others_beside(
    tmp_path: Path,
) -> None:
    warehouse = Warehouse(database=str(tmp_path / "w.duckdb"))
    warehouse.migrate()
    with warehouse.transaction() as connection:
        connection.execute(ROWS)
    rows = warehouse.read("explain_articles", window_id="w", method="openai")
    assert rows.select("article_id", "counts", "score", "beside").rows() == [
        ("a", "openai", 0.5, "classifier +0.12, lexicon -0.25"),
        ("b", "openai", None, "lexicon +0.75"),
        ("c", "openai", None, ""),
    ]
