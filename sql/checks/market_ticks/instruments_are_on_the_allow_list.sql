-- blocking: every instrument is a symbol of the allow-list
SELECT DISTINCT instrument
FROM market_ticks
WHERE session_date BETWEEN $first AND $last
    AND NOT regexp_full_match(instrument, '[A-Z0-9][A-Z0-9.\-^=]{0,15}')
