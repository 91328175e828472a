-- What came of a prediction.
SELECT * FROM prediction_accuracy WHERE prediction_id = $prediction_id
