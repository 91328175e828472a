-- Spin-offs; every version of a corporate action that we believed; renames and delistings in the ledger.

CREATE TABLE corporate_actions_then AS SELECT * FROM corporate_actions;
DROP TABLE corporate_actions;
CREATE TABLE corporate_actions (
    ticker              VARCHAR     NOT NULL,
    ex_date             DATE        NOT NULL,
    kind                VARCHAR     NOT NULL CHECK (kind IN ('split', 'dividend', 'spinoff', 'rename', 'delisting')),
    split_ratio         DOUBLE      CHECK (split_ratio > 0),
    cash_amount_usd     DOUBLE      CHECK (cash_amount_usd > 0),
    new_ticker          VARCHAR     CHECK (regexp_full_match(new_ticker, '[A-Z0-9][A-Z0-9.\-^=]{0,15}') AND new_ticker <> ticker),
    source              VARCHAR     NOT NULL,
    known_at            TIMESTAMPTZ NOT NULL,
    known_at_is_assumed BOOLEAN     NOT NULL,
    run_id              VARCHAR     NOT NULL,
    PRIMARY KEY (ticker, ex_date, kind),
    CHECK ((kind = 'split') = (split_ratio IS NOT NULL)),
    CHECK (kind = 'delisting' OR (kind IN ('dividend', 'spinoff')) = (cash_amount_usd IS NOT NULL)),
    CHECK ((kind = 'rename') = (new_ticker IS NOT NULL))
);
INSERT INTO corporate_actions BY NAME SELECT * FROM corporate_actions_then;
DROP TABLE corporate_actions_then;
COMMENT ON TABLE corporate_actions IS 'One row per security, ex-date and kind of action, in its current version; prices are adjusted with these on reading.';
COMMENT ON COLUMN corporate_actions.ticker IS 'Symbol of the security before the action.';
COMMENT ON COLUMN corporate_actions.ex_date IS 'First session that trades without the right; of a rename, the first under the new ticker; of a delisting, the first without trading.';
COMMENT ON COLUMN corporate_actions.kind IS 'split, dividend, spinoff, rename or delisting.';
COMMENT ON COLUMN corporate_actions.split_ratio IS 'Shares after for one share before: 2.0 for a two-for-one split.';
COMMENT ON COLUMN corporate_actions.cash_amount_usd IS 'Per share, US dollars: a cash dividend or the value of a spin-off (on the day of a split, per share after it); what a delisted share was paid, null where nothing is stated.';
COMMENT ON COLUMN corporate_actions.new_ticker IS 'Symbol after a rename.';
COMMENT ON COLUMN corporate_actions.source IS 'Provider that said so.';
COMMENT ON COLUMN corporate_actions.known_at IS 'When this version was learned; the opening of the ex-date where it is assumed.';
COMMENT ON COLUMN corporate_actions.known_at_is_assumed IS 'False for an action that came, or changed, after its session had been asked for.';
COMMENT ON COLUMN corporate_actions.run_id IS 'Dagster run that wrote the row.';

CREATE TABLE corporate_action_revisions (
    ticker              VARCHAR     NOT NULL,
    ex_date             DATE        NOT NULL,
    kind                VARCHAR     NOT NULL,
    split_ratio         DOUBLE,
    cash_amount_usd     DOUBLE,
    new_ticker          VARCHAR,
    source              VARCHAR     NOT NULL,
    known_at            TIMESTAMPTZ NOT NULL,
    known_at_is_assumed BOOLEAN     NOT NULL,
    run_id              VARCHAR     NOT NULL,
    superseded_at       TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (ticker, ex_date, kind, known_at),
    CHECK (superseded_at > known_at)
);
COMMENT ON TABLE corporate_action_revisions IS 'Every version of a corporate action that was corrected or taken back, believed from known_at until superseded_at.';
COMMENT ON COLUMN corporate_action_revisions.ticker IS 'Symbol of the security before the action.';
COMMENT ON COLUMN corporate_action_revisions.ex_date IS 'First session that trades without the right.';
COMMENT ON COLUMN corporate_action_revisions.kind IS 'split, dividend, spinoff, rename or delisting.';
COMMENT ON COLUMN corporate_action_revisions.split_ratio IS 'Shares after for one share before.';
COMMENT ON COLUMN corporate_action_revisions.cash_amount_usd IS 'Per share, US dollars.';
COMMENT ON COLUMN corporate_action_revisions.new_ticker IS 'Symbol after a rename.';
COMMENT ON COLUMN corporate_action_revisions.source IS 'Provider that said so.';
COMMENT ON COLUMN corporate_action_revisions.known_at IS 'When this version was learned.';
COMMENT ON COLUMN corporate_action_revisions.known_at_is_assumed IS 'True where known_at is the opening of the ex-date.';
COMMENT ON COLUMN corporate_action_revisions.run_id IS 'Dagster run that wrote the row.';
COMMENT ON COLUMN corporate_action_revisions.superseded_at IS 'When another version took its place, or it was taken back.';

CREATE MACRO corporate_actions_as_of(moment) AS TABLE
    SELECT ticker, ex_date, kind, split_ratio, cash_amount_usd, new_ticker, source, known_at, known_at_is_assumed, run_id
    FROM corporate_actions
    WHERE known_at <= moment
    UNION ALL
    SELECT ticker, ex_date, kind, split_ratio, cash_amount_usd, new_ticker, source, known_at, known_at_is_assumed, run_id
    FROM corporate_action_revisions
    WHERE known_at <= moment AND superseded_at > moment;

CREATE TABLE corporate_action_coverage (
    ticker        VARCHAR NOT NULL,
    first_session DATE    NOT NULL,
    last_session  DATE    NOT NULL,
    run_id        VARCHAR NOT NULL,
    PRIMARY KEY (ticker, first_session),
    CHECK (last_session >= first_session)
);
COMMENT ON TABLE corporate_action_coverage IS 'Sessions for which the actions of a ticker have been asked for: what appears in one of them later was learned late.';
COMMENT ON COLUMN corporate_action_coverage.ticker IS 'Symbol of the security.';
COMMENT ON COLUMN corporate_action_coverage.first_session IS 'First session of the span.';
COMMENT ON COLUMN corporate_action_coverage.last_session IS 'Last session of the span.';
COMMENT ON COLUMN corporate_action_coverage.run_id IS 'Dagster run that last widened the span.';

CREATE TABLE ledger_entries_then AS SELECT * FROM ledger_entries;
DROP TABLE ledger_entries;
CREATE TABLE ledger_entries (
    entry_id     VARCHAR       NOT NULL PRIMARY KEY,
    scenario_id  VARCHAR       NOT NULL CHECK (scenario_id <> ''),
    event_id     VARCHAR       NOT NULL,
    event_kind   VARCHAR       NOT NULL CHECK (event_kind IN ('deposit', 'trade', 'fee', 'dividend', 'split', 'rename', 'delisting')),
    session_date DATE          NOT NULL,
    sequence     INTEGER       NOT NULL CHECK (sequence >= 0),
    account      VARCHAR       NOT NULL CHECK (account IN ('cash', 'capital', 'positions', 'realized_pnl', 'commission', 'dividend_income')),
    ticker       VARCHAR,
    quantity     DECIMAL(20,6) NOT NULL,
    amount_usd   DECIMAL(20,6) NOT NULL,
    run_id       VARCHAR       NOT NULL
);
INSERT INTO ledger_entries BY NAME SELECT * FROM ledger_entries_then;
DROP TABLE ledger_entries_then;
COMMENT ON TABLE ledger_entries IS 'Double entry: debits positive, credits negative; the amounts of one event sum to zero. quantity moves shares in the positions account.';
COMMENT ON COLUMN ledger_entries.entry_id IS 'Hash of the event and its line.';
COMMENT ON COLUMN ledger_entries.scenario_id IS 'The set of settings that produced the row.';
COMMENT ON COLUMN ledger_entries.event_id IS 'Event whose amounts sum to zero.';
COMMENT ON COLUMN ledger_entries.event_kind IS 'deposit, trade, fee, dividend (spin-offs too), split, rename or delisting.';
COMMENT ON COLUMN ledger_entries.session_date IS 'Exchange session.';
COMMENT ON COLUMN ledger_entries.sequence IS 'Order of the events of one session: replaying by (session_date, sequence) rebuilds every balance.';
COMMENT ON COLUMN ledger_entries.account IS 'cash, capital, positions, realized_pnl, commission or dividend_income.';
COMMENT ON COLUMN ledger_entries.ticker IS 'Symbol of the security; null for cash.';
COMMENT ON COLUMN ledger_entries.quantity IS 'Shares moved.';
COMMENT ON COLUMN ledger_entries.amount_usd IS 'US dollars; debits positive, credits negative.';
COMMENT ON COLUMN ledger_entries.run_id IS 'Dagster run that wrote the row.';

CREATE TABLE security_listings (
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
INSERT INTO security_listings BY NAME SELECT * FROM ticker_universe;
COMMENT ON TABLE security_listings IS 'One row per span in which a ticker stands for a security: whose bars are fetched, and who may be drawn into the universe.';
COMMENT ON COLUMN security_listings.ticker IS 'Symbol of the security.';
COMMENT ON COLUMN security_listings.valid_from IS 'First session of the span.';
COMMENT ON COLUMN security_listings.valid_to IS 'First session after the span; null while it lasts.';
COMMENT ON COLUMN security_listings.security_id IS 'Stable across renames, distinct when a ticker is reused.';
COMMENT ON COLUMN security_listings.name IS 'Name of the security.';
COMMENT ON COLUMN security_listings.exchange IS 'Exchange of the listing.';
COMMENT ON COLUMN security_listings.currency IS 'Currency of its prices.';
COMMENT ON COLUMN security_listings.sector IS 'Sector, as the provider names it.';
COMMENT ON COLUMN security_listings.reason_in IS 'listed, renamed, relisted, or initial member where it was listed before the first session.';
COMMENT ON COLUMN security_listings.reason_out IS 'delisted, renamed or removed.';
COMMENT ON COLUMN security_listings.median_dollar_volume_usd IS 'Null here; the universe states it where it ranks.';
COMMENT ON COLUMN security_listings.last_close IS 'Null here; the universe states it where it ranks.';
COMMENT ON COLUMN security_listings.source IS 'Provider that said so.';
COMMENT ON COLUMN security_listings.known_at IS 'Opening of the first session of the span.';
COMMENT ON COLUMN security_listings.run_id IS 'Dagster run that wrote the row.';
