-- Overrides of thresholds of a scenario in effect at a day or before, in the order in which they hold.
SELECT effective_from, threshold, value, decided_after, reason, author, override_id, created_at FROM threshold_overrides
WHERE scenario_id = $scenario_id AND effective_from <= $last
ORDER BY effective_from, created_at, override_id
