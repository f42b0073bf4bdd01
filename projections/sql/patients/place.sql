SELECT status, last_name_key, first_name_key, patient_id, codes
FROM read_model.patients
WHERE facility_id = $1 AND patient_id = $2 AND version = $3
