-- blocking: a finding is about an accepted bar, and used nothing after its session
SELECT f.ticker, f.session_date, f.fault_session_date, f.fault
FROM quality_findings f
LEFT JOIN market_prices p ON p.ticker = f.ticker AND p.session_date = f.fault_session_date
WHERE f.session_date BETWEEN $first AND $last
  AND (p.ticker IS NULL OR f.as_of >= (f.session_date + INTERVAL 2 DAY) AT TIME ZONE 'America/New_York')
