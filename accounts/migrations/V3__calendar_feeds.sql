-- Secret addresses at which calendar programs read the appointments of a practitioner: one each, as a hash, and gone when it
-- is revoked. The secret itself left the house with the answer that made it.
CREATE TABLE accounts.calendar_feeds (
    practitioner_id uuid PRIMARY KEY,
    facility_id     uuid NOT NULL,
    secret_hash     bytea NOT NULL UNIQUE CHECK (octet_length(secret_hash) = 32),
    created_at      timestamptz NOT NULL DEFAULT now(),
    created_by      uuid NOT NULL
);
GRANT SELECT, INSERT, UPDATE, DELETE ON accounts.calendar_feeds TO medicalpro_app;
