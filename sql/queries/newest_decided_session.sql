-- The newest session of a scenario with a prediction; before the first, the newest with a bar.
SELECT coalesce((SELECT max(session_date) FROM predictions WHERE scenario_id = $scenario_id),
                (SELECT max(session_date) FROM market_prices))
