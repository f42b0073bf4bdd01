INSERT INTO patients (facility_id, patient_id, status, last_name_key, first_name_key, codes, document, version, position,
                      created_at, updated_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::jsonb[], $8::bigint[],
                     $9::bigint[], $10::timestamptz[], $11::timestamptz[])
ON CONFLICT (patient_id) DO UPDATE
SET status = excluded.status, last_name_key = excluded.last_name_key, first_name_key = excluded.first_name_key,
    codes = excluded.codes, document = excluded.document, version = excluded.version, position = excluded.position,
    updated_at = excluded.updated_at
