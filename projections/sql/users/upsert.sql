INSERT INTO users (facility_id, user_id, role, status, last_name_key, first_name_key, words, name, document, account, version,
                   created_at, updated_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                     $9::json[], $10::jsonb[], $11::bigint[], $12::timestamptz[], $13::timestamptz[])
ON CONFLICT (user_id) DO UPDATE
SET role = excluded.role, status = excluded.status, last_name_key = excluded.last_name_key,
    first_name_key = excluded.first_name_key, words = excluded.words, name = excluded.name, document = excluded.document,
    account = excluded.account, version = excluded.version, updated_at = excluded.updated_at
