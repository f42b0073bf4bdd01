INSERT INTO patient_terms (facility_id, place, patient_id, shared)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::smallint[])
