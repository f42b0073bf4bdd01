DELETE FROM messaging.reminders_at_work r
USING messaging.reminder_messages m
WHERE m.message_id = $1 AND m.state = 'planned' AND r.message_id = m.message_id
  AND (r.appointment_id, r.starts, r.channel, r.minutes_before) IN (
    SELECT * FROM unnest($2::uuid[], $3::timestamptz[], $4::text[], $5::integer[]))
