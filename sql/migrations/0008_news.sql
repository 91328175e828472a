-- News: one article of its copies, whom it names how surely, and the story it tells.

ALTER TABLE news_articles ADD COLUMN canonical_url VARCHAR;
ALTER TABLE news_articles ADD COLUMN language_is_detected BOOLEAN;
COMMENT ON COLUMN news_articles.canonical_url IS 'The address without trackers, fragment and mobile variant; null where the source names no page.';
COMMENT ON COLUMN news_articles.language_is_detected IS 'True where the text decided the language, false where the source stated it.';
COMMENT ON COLUMN news_articles.language IS 'ISO 639 code; und where neither the source nor the text tells.';
COMMENT ON COLUMN news_articles.tickers IS 'Securities that it is about, as its own session knew; see news_article_tickers.';
COMMENT ON COLUMN news_articles.first_seen_at IS 'When we learned of it: when it was published, for history and for what came before the next open; the time of the fetch for what came late.';

CREATE TABLE news_article_tickers (
    article_id         VARCHAR     NOT NULL,
    ticker             VARCHAR     NOT NULL,
    session_date       DATE        NOT NULL,
    first_seen_at      TIMESTAMPTZ NOT NULL,
    confidence         DOUBLE      NOT NULL CHECK (confidence > 0 AND confidence <= 1),
    basis              VARCHAR     NOT NULL CHECK (basis IN ('source', 'exchange', 'cashtag', 'parenthesis', 'full_name', 'name', 'alias', 'symbol', 'ambiguous_name')),
    story_id           VARCHAR     NOT NULL,
    story_session_date DATE        NOT NULL,
    run_id             VARCHAR     NOT NULL,
    PRIMARY KEY (article_id, ticker),
    CHECK (story_session_date <= session_date)
);
COMMENT ON TABLE news_article_tickers IS 'One row per article and security that it is about.';
COMMENT ON COLUMN news_article_tickers.article_id IS 'Article of news_articles.';
COMMENT ON COLUMN news_article_tickers.ticker IS 'Symbol of the security.';
COMMENT ON COLUMN news_article_tickers.session_date IS 'Session that first knows that the article is about the security; later than that of the article where only a later copy says so.';
COMMENT ON COLUMN news_article_tickers.first_seen_at IS 'When we learned that the article is about the security.';
COMMENT ON COLUMN news_article_tickers.confidence IS 'How sure it is that the article is about the security, above 0 to 1; 1 where the source says so.';
COMMENT ON COLUMN news_article_tickers.basis IS 'Strongest evidence: the source, an exchange form, a cashtag, a symbol, a name.';
COMMENT ON COLUMN news_article_tickers.story_id IS 'Article that first told this story of the security: near-duplicates share it.';
COMMENT ON COLUMN news_article_tickers.story_session_date IS 'Session in which the story was first told.';
COMMENT ON COLUMN news_article_tickers.run_id IS 'Dagster run that wrote the row.';

CREATE TABLE news_article_copies (
    copy_id               VARCHAR     NOT NULL PRIMARY KEY,
    article_id            VARCHAR     NOT NULL,
    session_date          DATE        NOT NULL,
    published_at          TIMESTAMPTZ NOT NULL,
    first_seen_at         TIMESTAMPTZ NOT NULL,
    first_seen_is_assumed BOOLEAN     NOT NULL,
    source                VARCHAR     NOT NULL,
    url                   VARCHAR,
    canonical_url         VARCHAR,
    content_hash          VARCHAR     NOT NULL,
    run_id                VARCHAR     NOT NULL
);
COMMENT ON TABLE news_article_copies IS 'One row per delivery of an article by a source, the first one included: the same page or the same words are one article.';
COMMENT ON COLUMN news_article_copies.copy_id IS 'Hash of source, page, content and session of publication.';
COMMENT ON COLUMN news_article_copies.article_id IS 'Article of news_articles that it is a copy of.';
COMMENT ON COLUMN news_article_copies.session_date IS 'Session whose cut-off first admits the copy.';
COMMENT ON COLUMN news_article_copies.published_at IS 'When this source published it.';
COMMENT ON COLUMN news_article_copies.first_seen_at IS 'When we learned of this copy.';
COMMENT ON COLUMN news_article_copies.first_seen_is_assumed IS 'True for history loaded after the fact.';
COMMENT ON COLUMN news_article_copies.source IS 'Provider or publisher that delivered it.';
COMMENT ON COLUMN news_article_copies.url IS 'Where it can be read.';
COMMENT ON COLUMN news_article_copies.canonical_url IS 'The address without trackers, fragment and mobile variant.';
COMMENT ON COLUMN news_article_copies.content_hash IS 'Hash of headline and body of this copy.';
COMMENT ON COLUMN news_article_copies.run_id IS 'Dagster run that wrote the row.';

INSERT INTO news_article_tickers
SELECT article_id, unnest(tickers), session_date, first_seen_at, 1.0, 'source', article_id, session_date, run_id
FROM news_articles;

INSERT INTO news_article_copies
SELECT md5(article_id), article_id, session_date, published_at, first_seen_at, first_seen_is_assumed, source, url, NULL,
       content_hash, run_id
FROM news_articles;

ALTER TABLE news_sentiment ADD COLUMN story_count INTEGER;
ALTER TABLE news_sentiment ADD COLUMN novelty DOUBLE;
COMMENT ON COLUMN news_sentiment.story_count IS 'Stories among the scored articles of the session: near-duplicates count once.';
COMMENT ON COLUMN news_sentiment.novelty IS 'Share of these stories that were first told in the session, 0 to 1.';
