-- What is needed to log in. None of it is in an event: a password hash must be destroyable. The e-mail is kept as a
-- keyed hash only, which finds an account and tells nothing without the key.
CREATE SCHEMA accounts;

CREATE TABLE accounts.credentials (
    user_id       uuid PRIMARY KEY,
    facility_id   uuid NOT NULL,
    login_hash    bytea NOT NULL UNIQUE CHECK (octet_length(login_hash) = 32),
    password_hash text NOT NULL,
    role          text NOT NULL CHECK (role IN ('doctor', 'nurse', 'secretary', 'admin', 'auditor', 'dpo')),
    rpps_number   text,
    adeli_number  text,
    status        text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
    created_at    timestamptz NOT NULL DEFAULT now()
);

-- Failed attempts are counted per login, whether it exists or not: a lock that only real accounts get would tell which
-- e-mails are real.
CREATE TABLE accounts.login_attempts (
    login_hash     bytea PRIMARY KEY CHECK (octet_length(login_hash) = 32),
    failed_count   integer NOT NULL CHECK (failed_count > 0),
    last_failed_at timestamptz NOT NULL,
    locked_until   timestamptz
);
CREATE INDEX login_attempts_by_age ON accounts.login_attempts (last_failed_at);

GRANT USAGE ON SCHEMA accounts TO medicalpro_app;
GRANT SELECT, INSERT, UPDATE ON accounts.credentials TO medicalpro_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON accounts.login_attempts TO medicalpro_app;
