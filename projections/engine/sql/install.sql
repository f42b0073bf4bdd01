-- What all read models share. Runs as the owner of the database, any number of times.
--
-- Two roles work on read models. medicalpro_app, as which every connection of a server works, reads, and sees the rows of
-- the practice that its transaction names. medicalpro_projector writes, and sees all rows; the runner takes that role for
-- its own transactions (SET LOCAL ROLE). medicalpro_app is a member that inherits nothing: a policy for
-- medicalpro_projector would otherwise hold for it as well, and row-level security would mean nothing.
DO $$
BEGIN
    CREATE ROLE medicalpro_projector NOLOGIN;
EXCEPTION
    -- Roles belong to the whole cluster: another database of it may have made this one, perhaps at this very moment.
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;

DO $$
BEGIN
    -- First, because since PostgreSQL 16 a membership inherits or not by what holds when it is granted.
    IF (SELECT rolinherit FROM pg_roles WHERE rolname = 'medicalpro_app') THEN
        ALTER ROLE medicalpro_app NOINHERIT;
    END IF;
    IF NOT pg_has_role('medicalpro_app', 'medicalpro_projector', 'MEMBER') THEN
        GRANT medicalpro_projector TO medicalpro_app;
    END IF;
    IF pg_has_role('medicalpro_app', 'medicalpro_projector', 'USAGE') THEN
        RAISE EXCEPTION 'medicalpro_app inherits from medicalpro_projector: revoke that membership and start again';
    END IF;
END
$$;

-- How far each read model has come, and whether an event stops it. Whoever else follows the log may keep its place here
-- as well, under a name of its own and without tables.
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
