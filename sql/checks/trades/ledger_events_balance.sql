-- blocking: the amounts of every ledger event sum to zero
SELECT event_id, sum(amount_usd) AS imbalance_usd FROM ledger_entries
WHERE session_date BETWEEN $first AND $last
GROUP BY event_id HAVING sum(amount_usd) <> 0
