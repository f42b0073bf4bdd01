SELECT appointment_id AS id, facility_id, appointment AS state, version
FROM appointments WHERE appointment_id = ANY ($1)
