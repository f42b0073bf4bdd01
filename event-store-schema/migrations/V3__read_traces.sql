-- Who looked at whose data. Events say what was changed; this says what was only seen, tried or pushed to a screen.

CREATE SCHEMA audit;

CREATE TABLE audit.access (
    -- Gapless and in commit order, as in log.events: a row that is missing shows.
    position bigint PRIMARY KEY CHECK (position > 0),
    at timestamptz NOT NULL,
    facility_id uuid NOT NULL,
    actor_id uuid NOT NULL,
    role text COLLATE "C",
    session_id uuid,
    client_address inet,
    request_id text COLLATE "C",
    deed text COLLATE "C" NOT NULL,
    resource_type text COLLATE "C" NOT NULL CHECK (resource_type ~ '^[a-z_]+$'),
    resource_id uuid,
    patient_id uuid,
    purpose text COLLATE "C" NOT NULL,
    reason text CHECK (length(reason) <= 500),
    result text COLLATE "C" NOT NULL
);

COMMENT ON TABLE audit.access IS 'Append-only. reason is the caller''s own text, in the open: it may not identify the patient.';

-- Time runs with the position, so that each of these is in the order in which a trail is read.
CREATE INDEX access_by_patient ON audit.access (patient_id, at, position) WHERE patient_id IS NOT NULL;
CREATE INDEX access_by_actor ON audit.access (actor_id, at, position);
CREATE INDEX access_by_time ON audit.access (facility_id, at, position);
-- The few rows that somebody is told of at once.
CREATE INDEX access_alerts ON audit.access (position) WHERE deed = 'break_glass' AND result = 'granted';

CREATE FUNCTION audit.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit.% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.access
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();
-- Also while triggers are otherwise switched off for replication.
ALTER TABLE audit.access ENABLE ALWAYS TRIGGER append_only;

-- Writes the rows of a batch of requests, in one autocommit call: what was looked at (row_*) of each request, with the
-- circumstances of the request (request_*), which are numbered from 1.
--
-- It works as the owner: position and time are not the application's to choose, and it may not even insert.
CREATE FUNCTION audit.record_access(
    request_facilities uuid[], request_actors uuid[], request_roles text[], request_sessions uuid[],
    request_addresses inet[], request_names text[], request_deeds text[], request_types text[],
    request_purposes text[], request_reasons text[], request_results text[],
    row_requests integer[], row_resources uuid[], row_patients uuid[]
)
RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog
AS $$
DECLARE
    base bigint;
    now_at timestamptz;
BEGIN
    -- The number names this lock among the database's advisory locks: 'MPac' in ASCII. It is released only after the
    -- commit is visible, so positions are in commit order.
    PERFORM pg_advisory_xact_lock(1297113443);
    SELECT a.position, greatest(a.at, clock_timestamp()) INTO base, now_at
        FROM audit.access a ORDER BY a.position DESC LIMIT 1;
    base := coalesce(base, 0);
    now_at := coalesce(now_at, clock_timestamp());
    INSERT INTO audit.access (position, at, facility_id, actor_id, role, session_id, client_address, request_id, deed,
                              resource_type, resource_id, patient_id, purpose, reason, result)
    SELECT base + r.ordinal, now_at, q.facility, q.actor, q.role, q.session, q.address, q.name, q.deed,
           q.type, r.resource, r.patient, q.purpose, q.reason, q.result
    FROM unnest(row_requests, row_resources, row_patients) WITH ORDINALITY r(request, resource, patient, ordinal)
    JOIN unnest(request_facilities, request_actors, request_roles, request_sessions, request_addresses, request_names,
                request_deeds, request_types, request_purposes, request_reasons, request_results) WITH ORDINALITY
         q(facility, actor, role, session, address, name, deed, type, purpose, reason, result, request)
      ON q.request = r.request
    ORDER BY r.ordinal;
    RETURN base + cardinality(row_requests);
END
$$;

-- The alerts of all practices after a position, for servers to hand to those whom they concern. Ids only.
CREATE FUNCTION audit.alerts_after(after bigint)
RETURNS TABLE (alert_position bigint, alert_facility uuid, alert_actor uuid, alert_role text, alert_patient uuid,
               alert_resource text)
LANGUAGE sql STABLE
SECURITY DEFINER
SET search_path = pg_catalog
AS $$
    SELECT a.position, a.facility_id, a.actor_id, a.role, a.patient_id, a.resource_type
    FROM audit.access a
    WHERE a.deed = 'break_glass' AND a.result = 'granted' AND a.position > after
    ORDER BY a.position LIMIT 1000
$$;

-- The position of the last row of all practices.
CREATE FUNCTION audit.head() RETURNS bigint
LANGUAGE sql STABLE
SECURITY DEFINER
SET search_path = pg_catalog
AS $$
    SELECT coalesce(max(a.position), 0) FROM audit.access a
$$;

-- A practice sees its own rows. The setting is '' in a session that had it in an earlier transaction: then no row is
-- visible, as without it.
ALTER TABLE audit.access ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_facility ON audit.access FOR SELECT TO medicalpro_app
    USING (facility_id = nullif(current_setting('medicalpro.facility_id', true), '')::uuid);

GRANT USAGE ON SCHEMA audit TO medicalpro_app;
GRANT SELECT ON audit.access TO medicalpro_app;
REVOKE ALL ON FUNCTION audit.record_access, audit.alerts_after, audit.head FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.record_access, audit.alerts_after, audit.head TO medicalpro_app;
