-- The ledger of a scenario up to a session.
SELECT * EXCLUDE (run_id) FROM ledger_entries
WHERE scenario_id = $scenario_id AND session_date <= $last
ORDER BY session_date, sequence, account, entry_id
