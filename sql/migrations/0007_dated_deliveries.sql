-- Deliveries that state their own date of knowledge (crawls, vintages), and what they said again.

ALTER TABLE market_prices ADD COLUMN delivered_at TIMESTAMPTZ;
COMMENT ON COLUMN market_prices.delivered_at IS 'Stated instant of the dated delivery that first said this version; null for what was fetched by us.';
ALTER TABLE market_price_revisions ADD COLUMN delivered_at TIMESTAMPTZ;
COMMENT ON COLUMN market_price_revisions.delivered_at IS 'Stated instant of the dated delivery that first said this version; null for what was fetched by us.';

CREATE TABLE market_price_confirmations (
    ticker       VARCHAR     NOT NULL,
    session_date DATE        NOT NULL,
    known_at     TIMESTAMPTZ NOT NULL,
    source       VARCHAR     NOT NULL,
    run_id       VARCHAR     NOT NULL,
    PRIMARY KEY (ticker, session_date, known_at)
);
COMMENT ON TABLE market_price_confirmations IS 'A dated delivery said the same of a bar as the version before it; with these, the order in which deliveries arrive does not matter.';
COMMENT ON COLUMN market_price_confirmations.ticker IS 'Symbol of the security.';
COMMENT ON COLUMN market_price_confirmations.session_date IS 'Exchange session.';
COMMENT ON COLUMN market_price_confirmations.known_at IS 'Instant of the delivery that said the same again.';
COMMENT ON COLUMN market_price_confirmations.source IS 'Provider that said so.';
COMMENT ON COLUMN market_price_confirmations.run_id IS 'Dagster run that wrote the row.';
