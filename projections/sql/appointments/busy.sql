-- What may take any of the time between two instants. Appointments lie within 31 days.
SELECT appointment_id, appointment, version, created_at, updated_at
FROM read_model.appointments
WHERE facility_id = $1 AND practitioner_id = ANY ($2)
  AND starts >= $3::timestamptz - interval '31 days' AND starts < $4 AND ends > $3
  AND status NOT IN ('released', 'cancelled', 'no_show') AND (held_until IS NULL OR held_until > $5)
ORDER BY starts, appointment_id
