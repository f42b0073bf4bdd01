-- How far each read model has come, and whether an event stops it. Whoever else follows the log may keep its place here
-- as well, under a name of its own and without tables. Releases before this migration made the table themselves.
CREATE TABLE IF NOT EXISTS read_model.checkpoints (
    projection text PRIMARY KEY,
    version integer NOT NULL,
    tables text[] NOT NULL DEFAULT '{}',
    position bigint NOT NULL CHECK (position >= 0),
    stopped_position bigint,
    stopped_reason text,
    updated_at timestamptz NOT NULL DEFAULT now(),
    -- Counts the leaders: only the last one may write. It leads for as long as it renews its lease.
    epoch bigint NOT NULL DEFAULT 0,
    leased_until timestamptz
);

DO $$
BEGIN
    -- Asked first, because even an ALTER TABLE that adds nothing would wait for every leader.
    IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'read_model.checkpoints'::regclass AND attname = 'epoch') THEN
        ALTER TABLE read_model.checkpoints ADD COLUMN epoch bigint NOT NULL DEFAULT 0, ADD COLUMN leased_until timestamptz;
    END IF;
END
$$;

GRANT USAGE ON SCHEMA read_model TO medicalpro_projector;
GRANT SELECT, UPDATE ON read_model.checkpoints TO medicalpro_projector;
GRANT SELECT, INSERT, UPDATE ON read_model.checkpoints TO medicalpro_app;
