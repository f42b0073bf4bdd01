SELECT appointment_id, appointment, version, created_at, updated_at
FROM read_model.appointments
WHERE facility_id = $1 AND appointment_id = $2
