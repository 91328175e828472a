-- A mark of the ledger of a scenario up to a session: another number once any entry is another one.
SELECT coalesce(sum(hash(entry_id))::VARCHAR, '') FROM ledger_entries
WHERE scenario_id = $scenario_id AND session_date <= $last
