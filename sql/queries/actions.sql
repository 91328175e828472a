-- Splits, dividends and other actions with an ex-date between two days, in the versions known at a moment.
SELECT ticker, ex_date, kind, split_ratio, cash_amount_usd, new_ticker, source, known_at
FROM corporate_actions_as_of($as_of)
WHERE ex_date BETWEEN $first AND $last
ORDER BY ticker, ex_date, kind
