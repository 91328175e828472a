-- Every span in which a ticker stands for a security.
SELECT * EXCLUDE (run_id) FROM security_listings ORDER BY ticker, valid_from
