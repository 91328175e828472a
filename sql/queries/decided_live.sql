-- Sessions between two days that were decided as they happened: a prediction of theirs was issued before the next
-- open, or windows stand on bars that were fetched in their own time.
SELECT session_date FROM predictions
WHERE session_date BETWEEN $first AND $last AND origin = 'live'
UNION
SELECT session_date FROM feature_windows
WHERE session_date BETWEEN $first AND $last AND session_date IN (
    SELECT session_date FROM market_prices
    WHERE session_date BETWEEN $first AND $last AND NOT known_at_is_assumed)
ORDER BY session_date
