SELECT facility_id, patient_id, document, version, position, created_at, updated_at
FROM patients
WHERE patient_id = ANY ($1)
