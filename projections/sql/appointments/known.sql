SELECT appointment_id AS id, facility_id, appointment AS state, version, created_at
FROM appointments WHERE appointment_id = ANY ($1)
