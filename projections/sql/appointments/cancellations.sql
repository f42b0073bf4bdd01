SELECT appointment_id, appointment #>> '{cancellation,reason}' AS reason
FROM read_model.appointments
WHERE facility_id = $1 AND appointment_id = ANY ($2) AND status = 'cancelled'
