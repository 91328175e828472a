-- What the audit found out about bars and actions that had been accepted.

CREATE TABLE quality_findings (
    ticker             VARCHAR     NOT NULL,
    session_date       DATE        NOT NULL,
    fault_session_date DATE        NOT NULL,
    fault              VARCHAR     NOT NULL,
    evidence           VARCHAR     NOT NULL,
    source             VARCHAR     NOT NULL,
    as_of              TIMESTAMPTZ NOT NULL,
    run_id             VARCHAR     NOT NULL,
    PRIMARY KEY (ticker, session_date, fault_session_date, fault),
    CHECK (fault_session_date <= session_date)
);
COMMENT ON TABLE quality_findings IS 'One row per fault that the audit sees in accepted bars and actions; it changes neither.';
COMMENT ON COLUMN quality_findings.ticker IS 'Symbol of the security.';
COMMENT ON COLUMN quality_findings.session_date IS 'Session whose bar completed the evidence: from it on the fault could be seen.';
COMMENT ON COLUMN quality_findings.fault_session_date IS 'Session of the bar or action at fault.';
COMMENT ON COLUMN quality_findings.fault IS 'Stable name of the kind of fault.';
COMMENT ON COLUMN quality_findings.evidence IS 'What the numbers said, for a reader.';
COMMENT ON COLUMN quality_findings.source IS 'Provider that was audited.';
COMMENT ON COLUMN quality_findings.as_of IS 'Knowledge cut-off of the bars and actions that were looked at.';
COMMENT ON COLUMN quality_findings.run_id IS 'Dagster run that wrote the row.';
