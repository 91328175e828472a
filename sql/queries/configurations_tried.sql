-- Distinct configurations that were ever trained for the universe, by family.
SELECT family, feature_set_id, seed, config FROM model_registry WHERE target_ticker IS NULL GROUP BY ALL ORDER BY ALL
