-- The dated adjustments that a prediction names.
SELECT kind, adjustment_id, learned_from, effective_from, n, reason FROM calibration_adjustments
WHERE list_contains($ids, adjustment_id)
ORDER BY kind
