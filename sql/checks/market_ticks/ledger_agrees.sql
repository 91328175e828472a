-- blocking: the import ledger counts as many ticks of each instrument as there are, over all sessions
SELECT coalesce(ledger.instrument, held.instrument) AS instrument, settled, ticks
FROM (SELECT instrument, sum(rows_accepted) AS settled FROM tick_imports GROUP BY ALL) AS ledger
FULL JOIN (SELECT instrument, count(*) AS ticks FROM market_ticks GROUP BY ALL) AS held
    ON ledger.instrument = held.instrument
WHERE coalesce(settled, 0) <> coalesce(ticks, 0) AND $first <= $last
