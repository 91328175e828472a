-- What ran, how it went, and whether the data are healthy.

CREATE TABLE task_runs (
    run_id        VARCHAR     NOT NULL,
    step_key      VARCHAR     NOT NULL,
    asset         VARCHAR     NOT NULL,
    partition_key VARCHAR     NOT NULL,
    started_at    TIMESTAMPTZ NOT NULL,
    ended_at      TIMESTAMPTZ,
    status        VARCHAR     NOT NULL,
    rows_written  BIGINT,
    error_class   VARCHAR,
    PRIMARY KEY (run_id, step_key)
);
COMMENT ON TABLE task_runs IS 'One row per step of a run, from the events of the orchestrator.';

CREATE TABLE system_health (
    component    VARCHAR     NOT NULL,
    session_date DATE        NOT NULL,
    checked_at   TIMESTAMPTZ NOT NULL,
    status       VARCHAR     NOT NULL CHECK (status IN ('ok', 'warn', 'fail')),
    last_success TIMESTAMPTZ,
    last_failure TIMESTAMPTZ,
    error_count  INTEGER     NOT NULL CHECK (error_count >= 0),
    message      VARCHAR     NOT NULL,
    run_id       VARCHAR     NOT NULL,
    PRIMARY KEY (component, session_date)
);
COMMENT ON TABLE system_health IS 'One row per component and session: did its rows arrive, and are they fit for use. checked_at is the cut-off of the session.';

CREATE TABLE provider_calls (
    call_id    VARCHAR     NOT NULL PRIMARY KEY,
    provider   VARCHAR     NOT NULL,
    endpoint   VARCHAR     NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    seconds    DOUBLE      NOT NULL CHECK (seconds >= 0),
    outcome    VARCHAR     NOT NULL,
    retries    INTEGER     NOT NULL CHECK (retries >= 0),
    run_id     VARCHAR     NOT NULL
);
COMMENT ON TABLE provider_calls IS 'One row per request to a provider and how it ended.';
