-- What each member said of the predictions whose target session lies between two days.
SELECT ticker, session_date, said['family'] AS family, said['probability_up'] AS probability_up
FROM (SELECT ticker, session_date,
             unnest(from_json(ensemble, '[{"family": "VARCHAR", "probability_up": "DOUBLE"}]')) AS said
      FROM predictions_latest
      WHERE scenario_id = $scenario_id AND target_session_date BETWEEN $first AND $last AND NOT abstained)
WHERE said['probability_up'] IS NOT NULL
ORDER BY session_date, ticker, family, probability_up
