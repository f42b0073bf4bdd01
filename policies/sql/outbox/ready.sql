SELECT m.message_id, m.facility_id, m.patient_id, m.channel AS message_channel, m.attempts,
       r.appointment_id, r.starts, r.channel, r.minutes_before, r.expires_at
FROM (
  SELECT * FROM messaging.reminder_messages
  WHERE state = 'planned' AND next_try <= $1 ORDER BY next_try LIMIT $2
) m
LEFT JOIN messaging.reminders_at_work r USING (message_id)
ORDER BY m.next_try, m.message_id, r.starts, r.appointment_id
