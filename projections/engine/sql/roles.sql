-- Two roles work on read models. medicalpro_app, as which every connection of a server works, reads, and sees the rows of
-- the practice that its transaction names. medicalpro_projector writes, and sees all rows; the runner takes that role for
-- its own sessions. medicalpro_app is a member that inherits nothing: a policy for medicalpro_projector would otherwise hold
-- for it as well, and row-level security would mean nothing.
--
-- Runs as the owner of the database at every start: roles belong to the cluster, and a database may have come to another one.
DO $$
BEGIN
    CREATE ROLE medicalpro_projector NOLOGIN;
EXCEPTION
    -- Another database of the cluster may have made this one, perhaps at this very moment.
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
