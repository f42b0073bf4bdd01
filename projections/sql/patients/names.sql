SELECT patient_id, concat_ws(' ', document ->> 'firstName', document ->> 'lastName') AS name
FROM read_model.patients
WHERE facility_id = $1 AND patient_id = ANY ($2) AND document ? 'lastName'
