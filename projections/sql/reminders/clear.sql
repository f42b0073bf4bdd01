DELETE FROM reminders WHERE appointment_id = ANY ($1)
