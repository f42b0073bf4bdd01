INSERT INTO patients (facility_id, patient_id, status, last_name_key, first_name_key, codes, name, document, summary, version,
                      position, created_at, updated_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::json[],
                     $9::json[], $10::bigint[], $11::bigint[], $12::timestamptz[], $13::timestamptz[])
ON CONFLICT (patient_id) DO UPDATE
SET status = excluded.status, last_name_key = excluded.last_name_key, first_name_key = excluded.first_name_key,
    codes = excluded.codes, name = excluded.name, document = excluded.document, summary = excluded.summary,
    version = excluded.version, position = excluded.position, updated_at = excluded.updated_at
