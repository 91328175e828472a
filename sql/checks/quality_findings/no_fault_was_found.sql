-- warning: the audit found no fault; a stale run is a fact and no fault
SELECT ticker, fault_session_date, fault, evidence FROM quality_findings
WHERE session_date BETWEEN $first AND $last AND fault <> 'stale_run'
ORDER BY session_date DESC, ticker, fault
