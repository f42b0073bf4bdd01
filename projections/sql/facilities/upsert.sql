INSERT INTO facilities (facility_id, facility, version)
SELECT * FROM unnest($1::uuid[], $2::jsonb[], $3::bigint[])
ON CONFLICT (facility_id) DO UPDATE SET facility = excluded.facility, version = excluded.version
