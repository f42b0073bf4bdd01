SELECT scope, stream_id FROM log.key_reservations
WHERE kind = 'patient_number' AND key = $1 AND ($2::uuid IS NULL OR scope = $2)
ORDER BY scope
