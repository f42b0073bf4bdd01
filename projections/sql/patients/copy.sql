COPY patients (facility_id, patient_id, status, last_name_key, first_name_key, codes, name, document, summary, version, position,
               created_at, updated_at)
FROM STDIN (FORMAT binary)
