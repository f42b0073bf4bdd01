-- Sessions, signing keys, second factors, one-time links, and the lock that slows down guessing. As in V1: no secret in
-- clear, and nothing of it in an event, so that all of it can be destroyed.

-- Whoever is invited has no password yet.
ALTER TABLE accounts.credentials ALTER COLUMN password_hash DROP NOT NULL;
ALTER TABLE accounts.credentials ADD COLUMN password_changed_at timestamptz;

-- Every server keeps in memory what decides whether a token still opens the door. `changed_in` is the transaction that
-- changed a row last: a reader that has seen everything before a snapshot's xmin asks for what is at or after it, and
-- misses nothing, whatever the order of commits.
CREATE FUNCTION accounts.note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed_in := pg_current_xact_id();
    RETURN NEW;
END
$$;
ALTER TABLE accounts.credentials ADD COLUMN changed_in xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX credentials_by_change ON accounts.credentials (changed_in);
CREATE TRIGGER credentials_note_change BEFORE UPDATE ON accounts.credentials
    FOR EACH ROW EXECUTE FUNCTION accounts.note_change();

-- One row per login: a family of refresh tokens, of which one generation is the current one.
CREATE TABLE accounts.sessions (
    session_id     uuid PRIMARY KEY,
    user_id        uuid NOT NULL REFERENCES accounts.credentials,
    facility_id    uuid NOT NULL,
    created_at     timestamptz NOT NULL,
    last_seen_at   timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    ended_at       timestamptz,
    end_reason     text CHECK (end_reason IN ('logged_out', 'revoked', 'token_reused', 'password_changed',
                                                     'second_factor_changed', 'suspended')),
    generation     integer NOT NULL DEFAULT 0 CHECK (generation >= 0),
    family_nonce   bytea NOT NULL CHECK (octet_length(family_nonce) = 32),
    token_hash     bytea NOT NULL CHECK (octet_length(token_hash) = 32),
    rotated_at     timestamptz NOT NULL,
    client_address text,
    user_agent     text,
    second_factor  boolean NOT NULL,
    stepped_up_at  timestamptz NOT NULL,
    changed_in     xid8 NOT NULL DEFAULT pg_current_xact_id(),
    CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);
CREATE INDEX sessions_of_user ON accounts.sessions (user_id, created_at);
CREATE INDEX sessions_by_change ON accounts.sessions (changed_in);
CREATE INDEX sessions_by_expiry ON accounts.sessions (expires_at);

CREATE TRIGGER sessions_note_change BEFORE UPDATE ON accounts.sessions
    FOR EACH ROW EXECUTE FUNCTION accounts.note_change();

-- Keys that sign access tokens. The secret half is in keys.secrets, under the master key.
CREATE TABLE accounts.signing_keys (
    kid          text PRIMARY KEY,
    secret_name  text NOT NULL UNIQUE,
    public_key   bytea NOT NULL CHECK (octet_length(public_key) = 32),
    not_before   timestamptz NOT NULL,
    sign_until   timestamptz NOT NULL,
    verify_until timestamptz NOT NULL,
    CHECK (not_before <= sign_until AND sign_until <= verify_until)
);

-- TOTP secrets, sealed. `pending_secret` waits for the first code that proves that the device has it.
CREATE TABLE accounts.second_factors (
    user_id        uuid PRIMARY KEY REFERENCES accounts.credentials,
    sealed_secret  bytea,
    enabled_at     timestamptz,
    -- The time step of the last code that was accepted: no code is accepted twice.
    last_step      bigint NOT NULL DEFAULT 0,
    pending_secret bytea,
    pending_since  timestamptz,
    CHECK ((sealed_secret IS NULL) = (enabled_at IS NULL)),
    CHECK ((pending_secret IS NULL) = (pending_since IS NULL))
);

CREATE TABLE accounts.recovery_codes (
    user_id   uuid NOT NULL REFERENCES accounts.credentials,
    code_hash bytea NOT NULL CHECK (octet_length(code_hash) = 32),
    used_at   timestamptz,
    PRIMARY KEY (user_id, code_hash)
);

CREATE TABLE accounts.one_time_links (
    token_hash bytea PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    user_id    uuid NOT NULL REFERENCES accounts.credentials,
    purpose    text NOT NULL CHECK (purpose IN ('invitation', 'reset')),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX one_time_links_of_user ON accounts.one_time_links (user_id);

-- Failures are counted per account, per address, and per account and address where that account logged in before.
ALTER TABLE accounts.login_attempts RENAME COLUMN login_hash TO bucket;

-- From where an account logged in before, as keyed hashes of account and address.
CREATE TABLE accounts.known_places (
    place_hash   bytea PRIMARY KEY CHECK (octet_length(place_hash) = 32),
    user_id      uuid NOT NULL REFERENCES accounts.credentials,
    last_used_at timestamptz NOT NULL
);
CREATE INDEX known_places_of_user ON accounts.known_places (user_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON accounts.sessions TO medicalpro_app;
GRANT SELECT, INSERT, UPDATE ON accounts.signing_keys, accounts.one_time_links TO medicalpro_app;
GRANT DELETE ON accounts.signing_keys, accounts.one_time_links TO medicalpro_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON accounts.second_factors, accounts.recovery_codes, accounts.known_places
    TO medicalpro_app;

-- What decides whether a valid token still opens the door, as the log tells it: the role and status of credentials follow
-- the users' events, and these rows the practices'. `standing_progress` says up to which position.
CREATE TABLE accounts.practices (
    facility_id uuid PRIMARY KEY,
    settings    jsonb NOT NULL DEFAULT '{}',
    -- By the name of the role, where the practice changed them.
    permissions jsonb NOT NULL DEFAULT '{}',
    changed_in  xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX practices_by_change ON accounts.practices (changed_in);
CREATE TRIGGER practices_note_change BEFORE UPDATE ON accounts.practices
    FOR EACH ROW EXECUTE FUNCTION accounts.note_change();
CREATE TABLE accounts.standing_progress (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    position bigint NOT NULL
);
-- The log before these tables holds no event of an account, and reading it once is quick enough.
INSERT INTO accounts.standing_progress (position) VALUES (0);
GRANT SELECT, INSERT, UPDATE ON accounts.practices TO medicalpro_app;
GRANT SELECT, UPDATE ON accounts.standing_progress TO medicalpro_app;
