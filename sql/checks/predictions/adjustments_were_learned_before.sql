-- blocking: every adjustment that a prediction names was learned at an earlier session and takes effect at its own
WITH named AS (
    SELECT DISTINCT session_date, unnest(json_extract_string(adjustments, ['$.ids.calibration', '$.ids.bounds', '$.ids.widths'])) AS adjustment_id
    FROM predictions WHERE session_date BETWEEN $first AND $last)
SELECT n.session_date, n.adjustment_id, a.learned_from, a.effective_from
FROM named n LEFT JOIN calibration_adjustments a USING (adjustment_id)
WHERE n.adjustment_id IS NOT NULL
  AND (a.adjustment_id IS NULL OR a.effective_from <> n.session_date OR a.learned_from >= n.session_date)
