-- How many overrides of thresholds hold at some session up to a day.
SELECT count(*) FROM threshold_overrides WHERE scenario_id = $scenario_id AND effective_from <= $last
