-- Bars of some sessions that were refused for their unit and have no accepted bar in their place.
SELECT q.payload ->> 'ticker' AS ticker, (q.payload ->> 'session_date')::DATE AS session_date,
       (q.payload ->> 'open')::DOUBLE AS open, (q.payload ->> 'high')::DOUBLE AS high,
       (q.payload ->> 'low')::DOUBLE AS low, (q.payload ->> 'close')::DOUBLE AS close,
       (q.payload ->> 'volume')::DOUBLE::BIGINT AS volume, q.reason AS evidence
FROM quarantine q
WHERE q.asset = 'market_prices' AND q.reason_code = 'unit_switch' AND q.partition_key BETWEEN $first AND $last
    AND NOT EXISTS (FROM market_prices m WHERE m.ticker = q.payload ->> 'ticker'
        AND m.session_date = (q.payload ->> 'session_date')::DATE)
QUALIFY row_number() OVER (PARTITION BY q.payload ->> 'ticker', q.partition_key ORDER BY q.seen_at DESC) = 1
ORDER BY ticker, session_date
