-- Every stay in the universe.
SELECT * EXCLUDE (run_id) FROM ticker_universe ORDER BY ticker, valid_from
