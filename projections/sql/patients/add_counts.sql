INSERT INTO patient_counts AS c (facility_id, status, above, prefix, patients)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[])
ON CONFLICT (facility_id, status, above, prefix) DO UPDATE SET patients = c.patients + excluded.patients
