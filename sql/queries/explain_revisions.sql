-- What later corrections made of the outcome of a prediction over its own horizon.
SELECT r.* FROM prediction_accuracy_revisions r JOIN predictions p USING (prediction_id, horizon_sessions)
WHERE r.prediction_id = $prediction_id
ORDER BY r.revised_on
