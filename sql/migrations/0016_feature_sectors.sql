-- Features that read the sector: their windows rest on the listings that state it.

ALTER TABLE feature_sets ADD COLUMN reads_sectors BOOLEAN DEFAULT false;
COMMENT ON COLUMN feature_sets.reads_sectors IS 'Whether a feature reads the sector of a ticker, so that listings stand behind its windows.';

CREATE OR REPLACE MACRO feature_provenance(wanted_window_id) AS TABLE
    WITH target AS (
        SELECT w.*, coalesce(s.scope, 'ticker') AS scope, coalesce(s.reads_sectors, false) AS reads_sectors
        FROM feature_windows w LEFT JOIN feature_sets s USING (feature_set_id) WHERE w.window_id = wanted_window_id
    ),
    versions AS (
        SELECT ticker, session_date, known_at, NULL AS superseded_at, source, run_id FROM market_prices
        UNION ALL
        SELECT ticker, session_date, known_at, superseded_at, source, run_id FROM market_price_revisions
    ),
    bars AS (
        SELECT t.window_id, v.* FROM target t JOIN versions v ON (v.ticker = t.ticker OR t.scope = 'market')
            AND v.session_date BETWEEN t.first_raw_session_date AND t.session_date
            AND v.known_at <= t.as_of AND (v.superseded_at IS NULL OR v.superseded_at > t.as_of)
    ),
    articles AS (SELECT article_id, session_date, first_seen_at, source, run_id, unnest(tickers) AS ticker FROM news_articles)
    SELECT window_id, 'market_prices' AS table_name, ticker, session_date, NULL AS row_key, known_at, source, run_id FROM bars
    UNION ALL
    SELECT t.window_id, 'corporate_actions', c.ticker, c.ex_date, c.kind, c.known_at, c.source, c.run_id
    FROM target t JOIN corporate_actions c ON (c.ticker = t.ticker OR (t.scope = 'market' AND c.ticker IN (SELECT ticker FROM bars)))
        AND c.ex_date BETWEEN t.first_raw_session_date AND t.session_date AND c.known_at <= t.as_of
    UNION ALL
    SELECT t.window_id, 'news_articles', n.ticker, n.session_date, n.article_id, n.first_seen_at, n.source, n.run_id
    FROM target t JOIN articles n
        ON (n.ticker = t.ticker OR (t.scope = 'market' AND (n.ticker, n.session_date) IN (SELECT (ticker, session_date) FROM bars)))
        AND n.session_date BETWEEN t.first_raw_session_date AND t.session_date AND n.first_seen_at <= t.as_of
    UNION ALL
    SELECT t.window_id, 'security_listings', l.ticker, l.valid_from, l.sector, l.known_at, l.source, l.run_id
    FROM target t JOIN security_listings l
        ON t.reads_sectors AND l.ticker IN (SELECT ticker FROM bars) AND l.sector NOT IN ('', 'Unclassified')
        AND l.valid_from <= t.session_date AND (l.valid_to IS NULL OR l.valid_to > t.first_raw_session_date)
        AND l.known_at <= t.as_of;
