SELECT appointment_id, channel, minutes_before, due_at, state
FROM read_model.reminders
WHERE facility_id = $1 AND appointment_id = ANY ($2)
ORDER BY appointment_id, minutes_before DESC, channel
