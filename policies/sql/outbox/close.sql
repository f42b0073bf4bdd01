DELETE FROM messaging.reminder_messages WHERE message_id = $1 AND (state = 'planned' OR holder = $2)
