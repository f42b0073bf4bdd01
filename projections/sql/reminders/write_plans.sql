INSERT INTO reminder_plans (facility_id, appointment_id, starts, expected, plan)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::boolean[], $5::jsonb[])
ON CONFLICT (appointment_id) DO UPDATE
SET starts = excluded.starts, expected = excluded.expected, plan = excluded.plan
