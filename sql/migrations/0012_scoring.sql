-- Scorings that failed, and what scoring cost.
CREATE TABLE news_score_failures (
    article_id      VARCHAR     NOT NULL,
    ticker          VARCHAR     NOT NULL,
    scorer          VARCHAR     NOT NULL,
    model           VARCHAR     NOT NULL,
    prompt_version  VARCHAR     NOT NULL,
    error_class     VARCHAR     NOT NULL CHECK (error_class <> ''),
    detail          VARCHAR     NOT NULL,
    attempts        INTEGER     NOT NULL CHECK (attempts > 0),
    first_failed_at TIMESTAMPTZ NOT NULL,
    last_failed_at  TIMESTAMPTZ NOT NULL,
    next_attempt_at TIMESTAMPTZ,
    run_id          VARCHAR     NOT NULL,
    PRIMARY KEY (article_id, ticker, scorer, model, prompt_version)
);
COMMENT ON TABLE news_score_failures IS 'One row per article, ticker and scorer version that failed; answered by a row of news_article_scores with the same key, if a later attempt succeeded.';
COMMENT ON COLUMN news_score_failures.article_id IS 'Article of news_articles.';
COMMENT ON COLUMN news_score_failures.ticker IS 'Symbol of the security.';
COMMENT ON COLUMN news_score_failures.scorer IS 'Who failed to score.';
COMMENT ON COLUMN news_score_failures.model IS 'Version of the scorer or of its model.';
COMMENT ON COLUMN news_score_failures.prompt_version IS 'Version of what the model was told.';
COMMENT ON COLUMN news_score_failures.error_class IS 'Class of the newest failure: refusal, truncated, schema_error, out_of_range, timeout, rate_limited, unavailable, ….';
COMMENT ON COLUMN news_score_failures.detail IS 'The newest failure in our words; never those of the service or the article.';
COMMENT ON COLUMN news_score_failures.attempts IS 'Failures so far.';
COMMENT ON COLUMN news_score_failures.first_failed_at IS 'Wall clock of the first failure.';
COMMENT ON COLUMN news_score_failures.last_failed_at IS 'Wall clock of the newest failure.';
COMMENT ON COLUMN news_score_failures.next_attempt_at IS 'From when a run tries it again; null: given up.';
COMMENT ON COLUMN news_score_failures.run_id IS 'Dagster run that wrote the row.';

CREATE TABLE news_scoring_runs (
    run_id         VARCHAR     NOT NULL,
    scorer         VARCHAR     NOT NULL,
    model          VARCHAR     NOT NULL,
    prompt_version VARCHAR     NOT NULL,
    scored_at      TIMESTAMPTZ NOT NULL,
    status         VARCHAR     NOT NULL CHECK (status IN ('complete', 'budget_reached', 'stopped')),
    items          INTEGER     NOT NULL CHECK (items >= 0),
    scored         INTEGER     NOT NULL CHECK (scored >= 0),
    failed         INTEGER     NOT NULL CHECK (failed >= 0),
    calls          INTEGER     NOT NULL CHECK (calls >= 0),
    input_tokens   BIGINT      NOT NULL CHECK (input_tokens >= 0),
    output_tokens  BIGINT      NOT NULL CHECK (output_tokens >= 0),
    most_usd       DOUBLE      NOT NULL CHECK (most_usd >= 0),
    cost_usd       DOUBLE      NOT NULL CHECK (cost_usd >= 0),
    budget_usd     DOUBLE      NOT NULL CHECK (budget_usd >= 0),
    PRIMARY KEY (run_id, scorer, model, prompt_version)
);
COMMENT ON TABLE news_scoring_runs IS 'One row per run in which a scorer made calls that may cost money: the bill.';
COMMENT ON COLUMN news_scoring_runs.run_id IS 'Dagster run that wrote the row.';
COMMENT ON COLUMN news_scoring_runs.scorer IS 'Who scored.';
COMMENT ON COLUMN news_scoring_runs.model IS 'Version of the scorer or of its model.';
COMMENT ON COLUMN news_scoring_runs.prompt_version IS 'Version of what the model was told.';
COMMENT ON COLUMN news_scoring_runs.scored_at IS 'Wall clock of the run.';
COMMENT ON COLUMN news_scoring_runs.status IS 'complete; budget_reached: articles were left for another day; stopped: the service kept failing.';
COMMENT ON COLUMN news_scoring_runs.items IS 'Pairs of article and ticker that were due.';
COMMENT ON COLUMN news_scoring_runs.scored IS 'Pairs that got a score.';
COMMENT ON COLUMN news_scoring_runs.failed IS 'Pairs that failed.';
COMMENT ON COLUMN news_scoring_runs.calls IS 'Calls made.';
COMMENT ON COLUMN news_scoring_runs.input_tokens IS 'Tokens sent, as the service counted them.';
COMMENT ON COLUMN news_scoring_runs.output_tokens IS 'Tokens received, as the service counted them.';
COMMENT ON COLUMN news_scoring_runs.most_usd IS 'The most that the calls could have cost, reckoned before them, US dollars.';
COMMENT ON COLUMN news_scoring_runs.cost_usd IS 'What they cost, US dollars.';
COMMENT ON COLUMN news_scoring_runs.budget_usd IS 'What was left of the daily budget before the run, US dollars.';
