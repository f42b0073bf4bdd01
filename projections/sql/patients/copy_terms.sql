COPY patient_terms (facility_id, place, patient_id, shared) FROM STDIN (FORMAT binary)
