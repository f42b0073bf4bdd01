INSERT INTO patient_terms (facility_id, status, term, last_name_key, first_name_key, patient_id, shared)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::integer[])
