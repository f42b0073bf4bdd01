-- Refused logins that are no event: on addresses that nobody has, and beyond the few an hour that become events. One row for
-- each hour, address and client, so a storm fills nothing. Kept for a year, and deletable: an address is a keyed hash.
CREATE TABLE accounts.refused_logins (
    hour            timestamptz NOT NULL,
    login_hash      bytea NOT NULL CHECK (octet_length(login_hash) = 32),
    client_address  text NOT NULL,
    -- None if nobody has the address.
    user_id         uuid,
    times           bigint NOT NULL CHECK (times > 0),
    last_cause      text NOT NULL,
    last_refused_at timestamptz NOT NULL,
    last_request_id text,
    PRIMARY KEY (hour, login_hash, client_address)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON accounts.refused_logins TO medicalpro_app;
