-- One prediction by its id, a unique beginning of it, or ticker and session.
SELECT * FROM predictions
WHERE starts_with(prediction_id, $wanted) OR (ticker || '@' || session_date::VARCHAR) = upper($wanted)
ORDER BY issued_at DESC
LIMIT 2
