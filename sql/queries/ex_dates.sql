-- Ex-dates of dividends, splits and spin-offs between two days, and when they were known.
SELECT ticker, ex_date, min(known_at) AS known_at FROM corporate_actions
WHERE kind IN ('dividend', 'split', 'spinoff') AND ex_date BETWEEN $first AND $last
GROUP BY ticker, ex_date ORDER BY ticker, ex_date
