INSERT INTO facilities (facility_id, name, finess, time_zone, version)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[])
ON CONFLICT (facility_id) DO UPDATE
SET name = excluded.name, finess = excluded.finess, time_zone = excluded.time_zone, version = excluded.version
