-- Judges each request of a batch by itself and writes those that pass, in one autocommit call. Each request gets at least
-- one row: what was appended, or every ground of its refusal.
--
-- The advisory lock makes appends take turns over all servers. It is released after the commit is visible, so positions are
-- gapless and in commit order. Each statement sees everything that was committed before the lock was granted. The sender
-- never puts two requests into one batch that could touch the same stream, key or time.
--
-- A hold whose kind ends in _shared is written beside the holds that are there.
--
-- head_*    streams with the version that the decision was made on: streams to write, and guards
-- freed_*   kinds of reservations that a stream releases, before it takes the new ones in key_* and hold_*
CREATE OR REPLACE FUNCTION log.append(
    request_scopes uuid[], request_keys text[], request_hashes bytea[],
    head_requests integer[], head_streams text[], head_versions bigint[],
    event_requests integer[], event_ids uuid[], event_streams text[], event_versions bigint[],
    event_types text[], event_schemas integer[], event_facilities uuid[], event_subjects uuid[],
    event_times timestamptz[], event_payloads text[], event_seals bytea[], event_metadata text[],
    freed_requests integer[], freed_streams text[], freed_kinds text[],
    key_requests integer[], key_streams text[], key_kinds text[], key_scopes uuid[], key_values bytea[], key_shared boolean[],
    hold_requests integer[], hold_streams text[], hold_kinds text[], hold_resources uuid[],
    hold_starts timestamptz[], hold_ends timestamptz[],
    subject_requests integer[], subject_ids uuid[], subject_facilities uuid[], subject_master_keys text[], subject_keys bytea[]
)
RETURNS TABLE (
    request integer, outcome text, stream text, version bigint, first_position bigint, last_position bigint,
    recorded timestamptz, kind text, starts timestamptz, ends timestamptz
)
LANGUAGE plpgsql
-- Plans are cached for the connection's life and made when the tables are small: they must not become scans.
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET search_path = pg_catalog
AS $$
#variable_conflict use_column
DECLARE
    closed integer[] := '{}'; -- requests that have had their answer
    base bigint;
    now_at timestamptz := clock_timestamp();
    sharing boolean := array_to_string(hold_kinds, ' ') LIKE '%\_shared%';
BEGIN
    -- The number names this lock among the database's advisory locks: 'MPro' in ASCII.
    PERFORM pg_advisory_xact_lock(1297117807);

    -- Repeated requests get the first answer.
    IF cardinality(array_remove(request_keys, NULL)) > 0 THEN
        RETURN QUERY
            SELECT q.request::integer, CASE WHEN i.request_hash = q.hash THEN 'replayed' ELSE 'key_reused' END,
                   i.stream_id, i.stream_version, i.first_position, i.last_position, i.recorded_at,
                   NULL::text, NULL::timestamptz, NULL::timestamptz
            FROM unnest(request_scopes, request_keys, request_hashes) WITH ORDINALITY q(scope, key, hash, request)
            JOIN log.idempotency_keys i ON i.scope = q.scope AND i.key = q.key;
        SELECT coalesce(array_agg(q.request::integer), '{}') INTO closed
            FROM unnest(request_scopes, request_keys) WITH ORDINALITY q(scope, key, request)
            JOIN log.idempotency_keys i ON i.scope = q.scope AND i.key = q.key;
    END IF;

    -- Every stream is at the version that was decided on.
    RETURN QUERY
        SELECT h.request, 'wrong_version', h.stream, at.version, NULL::bigint, NULL::bigint, NULL::timestamptz,
               NULL::text, NULL::timestamptz, NULL::timestamptz
        FROM unnest(head_requests, head_streams, head_versions) h(request, stream, version)
        CROSS JOIN LATERAL (
            SELECT coalesce((SELECT e.stream_version FROM log.events e WHERE e.stream_id = h.stream
                             ORDER BY e.stream_version DESC LIMIT 1), 0) AS version
        ) at
        WHERE at.version <> h.version AND h.request <> ALL (closed);
    IF FOUND THEN
        SELECT closed || coalesce(array_agg(DISTINCT h.request), '{}') INTO closed
            FROM unnest(head_requests, head_streams, head_versions) h(request, stream, version)
            WHERE h.version <> coalesce((SELECT e.stream_version FROM log.events e WHERE e.stream_id = h.stream
                                         ORDER BY e.stream_version DESC LIMIT 1), 0);
    END IF;

    -- No key is held by another stream. Distinct holders share a key only by saying so.
    IF cardinality(key_requests) > 0 THEN
        RETURN QUERY
            SELECT k.request, 'reserved', r.stream_id, NULL::bigint, NULL::bigint, NULL::bigint, NULL::timestamptz,
                   k.kind, NULL::timestamptz, NULL::timestamptz
            FROM unnest(key_requests, key_streams, key_kinds, key_scopes, key_values, key_shared)
                 k(request, stream, kind, scope, value, shared)
            JOIN log.key_reservations r
              ON r.kind = k.kind AND r.scope = k.scope AND r.key = k.value AND r.stream_id <> k.stream
            WHERE NOT k.shared AND k.request <> ALL (closed);
        IF FOUND THEN
            SELECT closed || array_agg(DISTINCT k.request) INTO closed
                FROM unnest(key_requests, key_streams, key_kinds, key_scopes, key_values, key_shared)
                     k(request, stream, kind, scope, value, shared)
                JOIN log.key_reservations r
                  ON r.kind = k.kind AND r.scope = k.scope AND r.key = k.value AND r.stream_id <> k.stream
                WHERE NOT k.shared;
        END IF;
    END IF;

    -- No stretch of time is held by another stream.
    IF cardinality(hold_requests) > 0 THEN
        RETURN QUERY
            SELECT h.request, 'reserved', t.stream_id, NULL::bigint, NULL::bigint, NULL::bigint, NULL::timestamptz,
                   h.kind, lower(t.during), upper(t.during)
            FROM unnest(hold_requests, hold_streams, hold_kinds, hold_resources, hold_starts, hold_ends)
                 h(request, stream, kind, resource, starts, ends)
            CROSS JOIN LATERAL (
                SELECT e.stream_id, e.during FROM log.time_reservations e
                WHERE e.resource_id = h.resource AND e.during && tstzrange(h.starts, h.ends)
                UNION ALL
                SELECT s.stream_id, s.during FROM log.shared_time_reservations s
                WHERE s.resource_id = h.resource AND s.during && tstzrange(h.starts, h.ends)
            ) t
            WHERE t.stream_id <> h.stream AND right(h.kind, 7) <> '_shared' AND h.request <> ALL (closed);
        IF FOUND THEN
            SELECT closed || array_agg(DISTINCT h.request) INTO closed
                FROM unnest(hold_requests, hold_streams, hold_kinds, hold_resources, hold_starts, hold_ends)
                     h(request, stream, kind, resource, starts, ends)
                CROSS JOIN LATERAL (
                    SELECT e.stream_id, e.during FROM log.time_reservations e
                    WHERE e.resource_id = h.resource AND e.during && tstzrange(h.starts, h.ends)
                    UNION ALL
                    SELECT s.stream_id, s.during FROM log.shared_time_reservations s
                    WHERE s.resource_id = h.resource AND s.during && tstzrange(h.starts, h.ends)
                ) t
                WHERE t.stream_id <> h.stream AND right(h.kind, 7) <> '_shared';
        END IF;
    END IF;

    IF cardinality(closed) > 0 THEN
        IF NOT EXISTS (SELECT FROM generate_series(1, cardinality(request_keys)) r WHERE r <> ALL (closed)) THEN
            RETURN; -- nothing to write, so nothing to fsync
        END IF;
    END IF;

    SELECT e.global_position, greatest(e.recorded_at, now_at) INTO base, now_at
        FROM log.events e ORDER BY e.global_position DESC LIMIT 1;
    base := coalesce(base, 0);
    now_at := coalesce(now_at, clock_timestamp());

    RETURN QUERY
        WITH accepted AS (
            SELECT e.*, base + row_number() OVER (ORDER BY e.ordinal) AS position
            FROM unnest(event_requests, event_ids, event_streams, event_versions, event_types, event_schemas,
                        event_facilities, event_subjects, event_times, event_payloads, event_seals, event_metadata)
                 WITH ORDINALITY
                 e(request, id, stream, version, type, schema, facility, subject, happened, payload, seal, metadata, ordinal)
            WHERE e.request <> ALL (closed)
        ), written AS (
            INSERT INTO log.events (global_position, event_id, stream_id, stream_version, event_type, schema_version,
                                    facility_id, subject_id, recorded_at, occurred_at, payload, sealed, metadata)
            SELECT a.position, a.id, a.stream, a.version, a.type, a.schema, a.facility, a.subject, now_at,
                   coalesce(a.happened, now_at), a.payload::json, a.seal, a.metadata::json
            FROM accepted a ORDER BY a.position
        ), answers AS (
            -- The first stream of a request is the one that it is about.
            SELECT a.request, (array_agg(a.stream ORDER BY a.position))[1] AS stream,
                   min(a.position) AS first_position, max(a.position) AS last_position
            FROM accepted a GROUP BY a.request
        ), answered AS (
            SELECT w.*, (SELECT max(a.version) FROM accepted a WHERE a.request = w.request AND a.stream = w.stream) AS version
            FROM answers w
        ), remembered AS (
            INSERT INTO log.idempotency_keys
            SELECT request_scopes[w.request], request_keys[w.request], request_hashes[w.request],
                   w.stream, w.version, w.first_position, w.last_position, now_at
            FROM answered w WHERE request_keys[w.request] IS NOT NULL
        )
        SELECT w.request, 'appended', w.stream, w.version, w.first_position, w.last_position, now_at,
               NULL::text, NULL::timestamptz, NULL::timestamptz
        FROM answered w;

    IF cardinality(freed_requests) > 0 THEN
        DELETE FROM log.key_reservations r
            USING unnest(freed_requests, freed_streams, freed_kinds) f(request, stream, kind)
            WHERE r.stream_id = f.stream AND r.kind = f.kind AND f.request <> ALL (closed);
        DELETE FROM log.time_reservations t
            USING unnest(freed_requests, freed_streams, freed_kinds) f(request, stream, kind)
            WHERE t.stream_id = f.stream AND t.kind = f.kind AND f.request <> ALL (closed);
        DELETE FROM log.shared_time_reservations t
            USING unnest(freed_requests, freed_streams, freed_kinds) f(request, stream, kind)
            WHERE t.stream_id = f.stream AND t.kind = f.kind AND f.request <> ALL (closed);
    END IF;
    IF cardinality(key_requests) > 0 THEN
        INSERT INTO log.key_reservations (kind, scope, key, stream_id, shared)
            SELECT k.kind, k.scope, k.value, k.stream, k.shared
            FROM unnest(key_requests, key_streams, key_kinds, key_scopes, key_values, key_shared)
                 k(request, stream, kind, scope, value, shared)
            WHERE k.request <> ALL (closed);
    END IF;
    IF cardinality(hold_requests) > 0 THEN
        INSERT INTO log.time_reservations (kind, resource_id, during, stream_id)
            SELECT h.kind, h.resource, tstzrange(h.starts, h.ends), h.stream
            FROM unnest(hold_requests, hold_streams, hold_kinds, hold_resources, hold_starts, hold_ends)
                 h(request, stream, kind, resource, starts, ends)
            WHERE right(h.kind, 7) <> '_shared' AND h.request <> ALL (closed);
        IF sharing THEN
            INSERT INTO log.shared_time_reservations (kind, resource_id, during, stream_id)
                SELECT left(h.kind, -7), h.resource, tstzrange(h.starts, h.ends), h.stream
                FROM unnest(hold_requests, hold_streams, hold_kinds, hold_resources, hold_starts, hold_ends)
                     h(request, stream, kind, resource, starts, ends)
                WHERE right(h.kind, 7) = '_shared' AND h.request <> ALL (closed);
        END IF;
    END IF;
    IF cardinality(subject_requests) > 0 THEN
        INSERT INTO keys.data_keys (subject_id, facility_id, master_key_id, wrapped)
            SELECT s.id, s.facility, s.master_key, s.key
            FROM unnest(subject_requests, subject_ids, subject_facilities, subject_master_keys, subject_keys)
                 s(request, id, facility, master_key, key)
            WHERE s.request <> ALL (closed);
    END IF;
END
$$;
