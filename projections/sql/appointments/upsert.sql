INSERT INTO appointments (facility_id, appointment_id, practitioner_id, patient_id, room_id, series_id, link_id, starts,
                          ends, in_parts, status, takes_time, type, held_until, words, appointment, version, created_at, updated_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::uuid[],
                     $8::timestamptz[], $9::timestamptz[], $10::boolean[], $11::text[], $12::boolean[],
                     $13::text[], $14::timestamptz[], $15::text[], $16::jsonb[], $17::bigint[], $18::timestamptz[],
                     $19::timestamptz[])
ON CONFLICT (appointment_id) DO UPDATE
SET practitioner_id = excluded.practitioner_id, patient_id = excluded.patient_id, room_id = excluded.room_id,
    series_id = excluded.series_id, link_id = excluded.link_id, starts = excluded.starts, ends = excluded.ends,
    in_parts = excluded.in_parts, status = excluded.status, takes_time = excluded.takes_time, type = excluded.type,
    held_until = excluded.held_until, words = excluded.words, appointment = excluded.appointment,
    version = excluded.version, updated_at = excluded.updated_at
