SELECT patient_id, name
FROM read_model.patients
WHERE facility_id = $1 AND patient_id = ANY ($2) AND name IS NOT NULL
