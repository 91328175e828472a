-- Distinct configurations that were ever trained, by family.
SELECT family, feature_set_id, seed, config FROM model_registry GROUP BY ALL ORDER BY ALL
