INSERT INTO reminders (facility_id, appointment_id, channel, minutes_before, patient_id, starts, day, due_at, expires_at,
                       state)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::integer[], $5::uuid[], $6::timestamptz[], $7::date[],
                     $8::timestamptz[], $9::timestamptz[], $10::text[])
