-- Writes the rows of a batch of requests, in one autocommit call. request_* holds the circumstances of each request; the
-- requests are numbered from 1. row_* holds what each request looked at.
--
-- The function runs as its owner. The application may not insert rows, so it chooses neither their position nor their time.
CREATE OR REPLACE FUNCTION audit.record_access(
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
