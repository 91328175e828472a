-- What a run that was killed leaves in the bill.
COMMENT ON COLUMN news_scoring_runs.status IS 'complete; budget_reached: articles were left for another day; stopped: the service kept failing or asked for a wait, or the run was cut off.';
COMMENT ON COLUMN news_scoring_runs.cost_usd IS 'What they cost, US dollars; of a run that was cut off also the most that the calls on their way could cost.';
