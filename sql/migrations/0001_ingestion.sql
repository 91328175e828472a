-- Raw tables: what providers said, when we learned it, and what we refused.

CREATE TABLE ticker_universe (
    ticker                    VARCHAR     NOT NULL CHECK (regexp_full_match(ticker, '[A-Z0-9][A-Z0-9.\-^=]{0,15}')),
    valid_from                DATE        NOT NULL,
    valid_to                  DATE,
    security_id               VARCHAR     NOT NULL CHECK (security_id <> ''),
    name                      VARCHAR     NOT NULL,
    exchange                  VARCHAR     NOT NULL,
    currency                  VARCHAR     NOT NULL,
    sector                    VARCHAR     NOT NULL,
    reason_in                 VARCHAR     NOT NULL,
    reason_out                VARCHAR,
    median_dollar_volume_usd  DOUBLE      CHECK (median_dollar_volume_usd >= 0),
    last_close                DOUBLE      CHECK (last_close > 0),
    source                    VARCHAR     NOT NULL,
    known_at                  TIMESTAMPTZ NOT NULL,
    run_id                    VARCHAR     NOT NULL,
    PRIMARY KEY (ticker, valid_from),
    CHECK (valid_to IS NULL OR valid_to > valid_from),
    CHECK ((valid_to IS NULL) = (reason_out IS NULL))
);
COMMENT ON TABLE ticker_universe IS 'One row per stay of a security in the universe; valid_to is the first session on which it is out.';
COMMENT ON COLUMN ticker_universe.security_id IS 'Stable across renames, distinct when a ticker is reused.';
COMMENT ON COLUMN ticker_universe.valid_from IS 'First session of the stay.';
COMMENT ON COLUMN ticker_universe.valid_to IS 'First session after the stay; null while the security is in.';
COMMENT ON COLUMN ticker_universe.median_dollar_volume_usd IS 'Median of close times volume over the sessions known before entry, US dollars; null for a new listing.';
COMMENT ON COLUMN ticker_universe.last_close IS 'Last close known before entry, as traded; null for a new listing.';

CREATE TABLE market_prices (
    ticker              VARCHAR     NOT NULL,
    session_date        DATE        NOT NULL,
    open                DOUBLE      NOT NULL CHECK (open > 0),
    high                DOUBLE      NOT NULL,
    low                 DOUBLE      NOT NULL CHECK (low > 0),
    close               DOUBLE      NOT NULL CHECK (close > 0),
    volume              BIGINT      NOT NULL CHECK (volume >= 0),
    source              VARCHAR     NOT NULL,
    known_at            TIMESTAMPTZ NOT NULL,
    known_at_is_assumed BOOLEAN     NOT NULL,
    run_id              VARCHAR     NOT NULL,
    PRIMARY KEY (ticker, session_date),
    CHECK (high >= greatest(open, close, low)),
    CHECK (low <= least(open, close, high))
);
COMMENT ON TABLE market_prices IS 'One row per security and session: the current version of the daily bar, as traded (unadjusted).';
COMMENT ON COLUMN market_prices.known_at IS 'When this version was learned; for history loaded later, the close of the session plus the stated delay of the provider.';
COMMENT ON COLUMN market_prices.known_at_is_assumed IS 'True for history loaded after the fact.';

CREATE TABLE market_price_revisions (
    ticker              VARCHAR     NOT NULL,
    session_date        DATE        NOT NULL,
    open                DOUBLE      NOT NULL,
    high                DOUBLE      NOT NULL,
    low                 DOUBLE      NOT NULL,
    close               DOUBLE      NOT NULL,
    volume              BIGINT      NOT NULL,
    source              VARCHAR     NOT NULL,
    known_at            TIMESTAMPTZ NOT NULL,
    known_at_is_assumed BOOLEAN     NOT NULL,
    run_id              VARCHAR     NOT NULL,
    superseded_at       TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (ticker, session_date, known_at),
    CHECK (superseded_at > known_at)
);
COMMENT ON TABLE market_price_revisions IS 'Every version of a daily bar that was replaced, believed from known_at until superseded_at.';

CREATE MACRO market_prices_as_of(moment) AS TABLE
    SELECT ticker, session_date, open, high, low, close, volume, source, known_at, known_at_is_assumed, run_id
    FROM market_prices
    WHERE known_at <= moment
    UNION ALL
    SELECT ticker, session_date, open, high, low, close, volume, source, known_at, known_at_is_assumed, run_id
    FROM market_price_revisions
    WHERE known_at <= moment AND superseded_at > moment;

CREATE TABLE corporate_actions (
    ticker              VARCHAR     NOT NULL,
    ex_date             DATE        NOT NULL,
    kind                VARCHAR     NOT NULL CHECK (kind IN ('split', 'dividend', 'rename', 'delisting')),
    split_ratio         DOUBLE      CHECK (split_ratio > 0),
    cash_amount_usd     DOUBLE      CHECK (cash_amount_usd > 0),
    new_ticker          VARCHAR,
    source              VARCHAR     NOT NULL,
    known_at            TIMESTAMPTZ NOT NULL,
    known_at_is_assumed BOOLEAN     NOT NULL,
    run_id              VARCHAR     NOT NULL,
    PRIMARY KEY (ticker, ex_date, kind),
    CHECK ((kind = 'split') = (split_ratio IS NOT NULL)),
    CHECK ((kind = 'dividend') = (cash_amount_usd IS NOT NULL)),
    CHECK ((kind = 'rename') = (new_ticker IS NOT NULL))
);
COMMENT ON TABLE corporate_actions IS 'One row per security, ex-date and kind of action; prices are adjusted with these on reading.';
COMMENT ON COLUMN corporate_actions.split_ratio IS 'Shares after for one share before: 2.0 for a two-for-one split.';
COMMENT ON COLUMN corporate_actions.cash_amount_usd IS 'Cash dividend per share, US dollars; on the day of a split, per share after it.';

CREATE TABLE news_articles (
    article_id             VARCHAR     NOT NULL PRIMARY KEY,
    session_date           DATE        NOT NULL,
    published_at           TIMESTAMPTZ NOT NULL,
    published_at_precision VARCHAR     NOT NULL CHECK (published_at_precision IN ('instant', 'day')),
    first_seen_at          TIMESTAMPTZ NOT NULL,
    first_seen_is_assumed  BOOLEAN     NOT NULL,
    source                 VARCHAR     NOT NULL,
    url                    VARCHAR,
    headline               VARCHAR     NOT NULL CHECK (headline <> ''),
    body                   VARCHAR,
    language               VARCHAR     NOT NULL,
    tickers                VARCHAR[]   NOT NULL CHECK (len(tickers) > 0),
    content_hash           VARCHAR     NOT NULL,
    run_id                 VARCHAR     NOT NULL
);
COMMENT ON TABLE news_articles IS 'One row per article; session_date is the session whose cut-off first admits it.';
COMMENT ON COLUMN news_articles.published_at IS 'When the world could read it; the end of the day in New York where only the day is known.';
COMMENT ON COLUMN news_articles.first_seen_at IS 'When we learned of it; equal to published_at for history loaded later.';

CREATE TABLE news_article_scores (
    article_id             VARCHAR     NOT NULL,
    ticker                 VARCHAR     NOT NULL,
    scorer                 VARCHAR     NOT NULL,
    model                  VARCHAR     NOT NULL,
    prompt_version         VARCHAR     NOT NULL,
    score                  DOUBLE      NOT NULL CHECK (score BETWEEN -1 AND 1),
    relevance              DOUBLE      NOT NULL CHECK (relevance BETWEEN 0 AND 1),
    confidence             DOUBLE      NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    rationale              VARCHAR     NOT NULL,
    cost_usd               DOUBLE      NOT NULL CHECK (cost_usd >= 0),
    scored_at              TIMESTAMPTZ NOT NULL,
    model_knowledge_cutoff DATE,
    run_id                 VARCHAR     NOT NULL,
    PRIMARY KEY (article_id, ticker, scorer, model, prompt_version)
);
COMMENT ON TABLE news_article_scores IS 'One row per article, ticker and scorer version; also the cache of the scorer. A failed call leaves no row.';

CREATE TABLE news_sentiment (
    ticker            VARCHAR     NOT NULL,
    session_date      DATE        NOT NULL,
    method            VARCHAR     NOT NULL,
    article_count     INTEGER     NOT NULL CHECK (article_count > 0),
    mean_sentiment    DOUBLE      NOT NULL CHECK (mean_sentiment BETWEEN -1 AND 1),
    decayed_sentiment DOUBLE      NOT NULL CHECK (decayed_sentiment BETWEEN -1 AND 1),
    buzz              DOUBLE,
    dispersion        DOUBLE      NOT NULL CHECK (dispersion >= 0),
    as_of             TIMESTAMPTZ NOT NULL,
    details           JSON        NOT NULL,
    run_id            VARCHAR     NOT NULL,
    PRIMARY KEY (ticker, session_date, method)
);
COMMENT ON TABLE news_sentiment IS 'One row per ticker, session and scoring method with at least one article; no article means no row.';
COMMENT ON COLUMN news_sentiment.buzz IS 'Article count standardised against the earlier counts of the ticker; null until there is a history.';

CREATE TABLE quarantine (
    quarantine_id VARCHAR     NOT NULL PRIMARY KEY,
    asset         VARCHAR     NOT NULL,
    partition_key VARCHAR     NOT NULL,
    source        VARCHAR     NOT NULL,
    reason_code   VARCHAR     NOT NULL,
    reason        VARCHAR     NOT NULL,
    payload       JSON        NOT NULL,
    seen_at       TIMESTAMPTZ NOT NULL,
    run_id        VARCHAR     NOT NULL
);
COMMENT ON TABLE quarantine IS 'Rejected rows, whole, each with its reason; they stand nowhere else.';
