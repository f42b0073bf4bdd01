INSERT INTO availability (facility_id, practitioner_id, availability, version, updated_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::jsonb[], $4::bigint[], $5::timestamptz[])
ON CONFLICT (practitioner_id) DO UPDATE
SET availability = excluded.availability, version = excluded.version, updated_at = excluded.updated_at
