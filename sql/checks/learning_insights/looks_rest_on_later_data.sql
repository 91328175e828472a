-- blocking: a finding is looked at again after it was found, and a verdict other than doubt rests on an effect
SELECT r.insight_id, r.session_date, i.session_date AS found_on, r.verdict FROM insight_retests r
LEFT JOIN learning_insights i USING (insight_id)
WHERE r.session_date BETWEEN $first AND $last
  AND (i.session_date >= r.session_date OR (r.verdict = 'confirmed' AND NOT (r.effect > 0)))
