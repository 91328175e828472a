-- Splits, dividends and other actions with an ex-date between two days, known at a moment.
SELECT ticker, ex_date, kind, split_ratio, cash_amount_usd, new_ticker, source, known_at
FROM corporate_actions
WHERE ex_date BETWEEN $first AND $last AND known_at <= $as_of
ORDER BY ticker, ex_date, kind
