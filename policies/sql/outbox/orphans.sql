-- A server that has had a message in hand for $1 seconds is dead, by the database's clock.
SELECT m.message_id, m.facility_id, m.patient_id, m.channel AS message_channel, m.attempts,
       r.appointment_id, r.starts, r.channel, r.minutes_before, r.expires_at
FROM (
  SELECT * FROM messaging.reminder_messages
  WHERE state = 'handing_over' AND handed_over_at < clock_timestamp() - make_interval(secs => $1::float8)
) m
LEFT JOIN messaging.reminders_at_work r USING (message_id)
ORDER BY m.next_try, m.message_id, r.starts, r.appointment_id
