-- The reminders of a message, column by column; one that another message has is left out.
INSERT INTO messaging.reminders_at_work (appointment_id, starts, channel, minutes_before, expires_at, message_id)
SELECT a, s, c, m, e, $6
FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::integer[], $5::timestamptz[]) AS r (a, s, c, m, e)
ON CONFLICT DO NOTHING
