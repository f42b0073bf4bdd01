-- The events about one subject that were recorded at one moment, between two positions.
SELECT e.global_position, e.event_id, e.stream_id, e.stream_version, e.event_type, e.schema_version, e.facility_id,
       e.subject_id, e.recorded_at, e.occurred_at, e.payload::text, e.sealed, e.metadata::text, k.master_key_id, k.wrapped
FROM log.events e
LEFT JOIN keys.data_keys k ON e.sealed IS NOT NULL AND k.subject_id = e.subject_id
WHERE e.global_position BETWEEN $1 AND $2 AND e.recorded_at = $3 AND e.subject_id = $4
ORDER BY e.global_position
