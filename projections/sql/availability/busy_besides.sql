-- The slots that take time of a patient or of a room between two instants, whoever sees the patient.
SELECT appointment -> 'slot' AS slot
FROM read_model.appointments
WHERE facility_id = $1 AND (patient_id = $2 OR room_id = $3)
  AND starts >= $4::timestamptz - interval '31 days' AND starts < $5 AND ends > $4
  AND takes_time AND (held_until IS NULL OR held_until > $6)
