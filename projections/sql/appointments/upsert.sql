INSERT INTO appointments (facility_id, appointment_id, practitioner_id, patient_id, room_id, series_id, starts, ends, status,
                          type, held_until, words, appointment, version, created_at, updated_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::timestamptz[],
                     $8::timestamptz[], $9::text[], $10::text[], $11::timestamptz[], $12::text[], $13::jsonb[],
                     $14::bigint[], $15::timestamptz[], $16::timestamptz[])
ON CONFLICT (appointment_id) DO UPDATE
SET practitioner_id = excluded.practitioner_id, patient_id = excluded.patient_id, room_id = excluded.room_id,
    series_id = excluded.series_id, starts = excluded.starts, ends = excluded.ends, status = excluded.status,
    type = excluded.type, held_until = excluded.held_until, words = excluded.words, appointment = excluded.appointment,
    version = excluded.version, updated_at = excluded.updated_at
