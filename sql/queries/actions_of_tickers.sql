-- Actions of $tickers with an ex-date from $first to $last, as they stand.
SELECT * EXCLUDE (run_id)
FROM corporate_actions
WHERE ticker IN (SELECT unnest($tickers)) AND ex_date BETWEEN $first AND $last
ORDER BY ticker, ex_date, kind
