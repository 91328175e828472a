-- How likely the outcome of a closed position was under the prediction that opened it.

ALTER TABLE trade_reflections ADD COLUMN outcome_quantile DOUBLE;
ALTER TABLE trade_reflections ADD COLUMN outcome_chance DOUBLE;
COMMENT ON COLUMN trade_reflections.outcome_quantile IS 'Probability of the log return while held, or a lower one, under the prediction that opened the position; null in rows from before it was measured.';
COMMENT ON COLUMN trade_reflections.outcome_chance IS 'Probability of a return as far on that side of what was expected, 0 to one half: the smaller, the more luck.';
