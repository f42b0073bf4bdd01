SELECT document, version FROM read_model.patients WHERE facility_id = $1 AND patient_id = $2
