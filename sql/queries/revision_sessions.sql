-- Sessions between two days at which a correction of judged outcomes became known.
SELECT DISTINCT revised_on FROM prediction_accuracy_revisions
WHERE scenario_id = $scenario_id AND revised_on BETWEEN $first AND $last
ORDER BY revised_on
