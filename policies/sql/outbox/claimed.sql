SELECT appointment_id, starts, channel, minutes_before FROM messaging.reminders_at_work
