SELECT facility_id, appointment_id, appointment, version, created_at, updated_at
FROM appointments WHERE appointment_id = ANY ($1)
