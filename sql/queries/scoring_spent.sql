-- US dollars that scoring has cost since a moment.
SELECT coalesce(sum(cost_usd), 0) FROM news_scoring_runs WHERE scored_at >= $since
