-- Who would refuse these holds of a stream: as log.append judges them.
SELECT h.kind, t.stream_id, lower(t.during) AS starts, upper(t.during) AS ends
FROM unnest($2::text[], $3::uuid[], $4::timestamptz[], $5::timestamptz[]) h(kind, resource, starts, ends)
CROSS JOIN LATERAL (
    SELECT e.stream_id, e.during FROM log.time_reservations e
    WHERE e.resource_id = h.resource AND e.during && tstzrange(h.starts, h.ends)
    UNION ALL
    SELECT s.stream_id, s.during FROM log.shared_time_reservations s
    WHERE s.resource_id = h.resource AND s.during && tstzrange(h.starts, h.ends)
) t
WHERE t.stream_id <> $1
ORDER BY starts, stream_id, kind
