-- The newest first; unread is what comes after the position up to which somebody has read, and is not among those that they
-- read besides. When an appointment begins, its own read model knows.
SELECT n.notification_id, n.position, n.kind, n.resource_type, n.resource_id, n.patient_id, n.appointment_id,
       a.starts AS appointment_starts, coalesce(n.practitioner_id, a.practitioner_id) AS practitioner_id, n.count,
       n.recorded_at, n.position > $2 AND n.position <> ALL ($3::bigint[]) AS unread
FROM read_model.notifications n
LEFT JOIN read_model.appointments a ON a.appointment_id = n.appointment_id AND a.facility_id = n.facility_id
WHERE n.facility_id = $1 AND (NOT $4 OR (n.position > $2 AND n.position <> ALL ($3::bigint[])))
  AND ($5::bigint IS NULL OR n.position < $5)
ORDER BY n.position DESC
OFFSET $6 LIMIT $7
