-- The newest repair of each action with an ex-date between two days, by the rules that are named.
SELECT ticker, ex_date, kind, rule, value_before, value_after, repaired_at
FROM action_repairs
WHERE ex_date BETWEEN $first AND $last AND list_contains($rules, rule)
QUALIFY row_number() OVER (PARTITION BY ticker, ex_date, kind ORDER BY repaired_at DESC) = 1
ORDER BY ticker, ex_date, kind
